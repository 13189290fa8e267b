# bh_criterion_test(NAME SOURCES file... [LINK target...] [LABELS label...] [TIMEOUT seconds] [SERIAL] [VALKEY]
#     [ENV name=value...])
#
# One Criterion program as one CTest test.  It runs through tests/support/run_criterion, because
# Criterion itself passes with leaks, and with no test at all.  SERIAL: one test of the program at a time.
# Tests with a long TIMEOUT begin first, so that none of them is alone at the end.
# VALKEY: once more, as NAME_on_valkey, with valkey-server instead of redis-server where that is installed.
find_program(BH_VALKEY_SERVER valkey-server)
function(bh_criterion_test name)
    cmake_parse_arguments(PARSE_ARGV 1 arg "SERIAL;VALKEY" "TIMEOUT" "SOURCES;LINK;LABELS;ENV")
    add_executable(${name} ${arg_SOURCES})
    bh_target(${name})
    target_include_directories(${name} PRIVATE ${PROJECT_SOURCE_DIR}/tests)
    # Criterion's macros declare functions without prototypes and nest initialisers on purpose.
    target_link_libraries(${name} PRIVATE ${arg_LINK} PkgConfig::CRITERION m)
    if(NOT arg_TIMEOUT)
        set(arg_TIMEOUT 120)
    endif()
    set(jobs "")
    if(arg_SERIAL)
        set(jobs -j1)
    endif()
    set(tests ${name})
    if(arg_VALKEY AND BH_VALKEY_SERVER)
        list(APPEND tests ${name}_on_valkey)
    endif()
    foreach(test IN LISTS tests)
        add_test(NAME ${test}
            COMMAND ${PROJECT_SOURCE_DIR}/tests/support/run_criterion $<TARGET_FILE:${name}> ${jobs})
    endforeach()
    set_tests_properties(${tests} PROPERTIES
        TIMEOUT ${arg_TIMEOUT} COST ${arg_TIMEOUT} LABELS "${arg_LABELS}" ENVIRONMENT "${arg_ENV}"
        FAIL_REGULAR_EXPRESSION "ERROR: .*Sanitizer;runtime error:;definitely lost")
    list(REMOVE_ITEM tests ${name})
    if(tests)
        set_tests_properties(${tests} PROPERTIES
            ENVIRONMENT "${arg_ENV};BELLHOP_TEST_REDIS_SERVER=${BH_VALKEY_SERVER}")
    endif()
endfunction()
