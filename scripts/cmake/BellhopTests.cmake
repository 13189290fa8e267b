# bh_criterion_test(NAME SOURCES file... [LINK target...] [LABELS label...] [TIMEOUT seconds] [SERIAL] [ENV name=value...])
#
# One Criterion program as one CTest test.  It runs through tests/support/run_criterion, because
# Criterion itself passes with leaks, and with no test at all.  SERIAL: one test of the program at a time.
function(bh_criterion_test name)
    cmake_parse_arguments(PARSE_ARGV 1 arg "SERIAL" "TIMEOUT" "SOURCES;LINK;LABELS;ENV")
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
    add_test(NAME ${name}
        COMMAND ${PROJECT_SOURCE_DIR}/tests/support/run_criterion $<TARGET_FILE:${name}> ${jobs})
    set_tests_properties(${name} PROPERTIES
        TIMEOUT ${arg_TIMEOUT} LABELS "${arg_LABELS}" ENVIRONMENT "${arg_ENV}"
        FAIL_REGULAR_EXPRESSION "ERROR: .*Sanitizer;runtime error:;definitely lost")
endfunction()
