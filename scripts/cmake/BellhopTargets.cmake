# What every target of ours is compiled with, as interface targets; no global flags anywhere.

# Else CMake leaves -pie to the compiler's own default, even where position independence is asked for.
include(CheckPIESupported)
check_pie_supported(LANGUAGES C)

add_library(bh_warnings INTERFACE)
target_compile_options(bh_warnings INTERFACE
    -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes
    -Wold-style-definition -Wpointer-arith -Wcast-qual -Wwrite-strings -Wundef -Wformat=2 -Wvla
    -Wswitch-enum -Wimplicit-fallthrough -Wdouble-promotion -Wnull-dereference)

add_library(bh_hardening INTERFACE)
if(CMAKE_BUILD_TYPE STREQUAL "Release" AND NOT BH_SANITIZE)
    target_compile_options(bh_hardening INTERFACE
        -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3 -fstack-protector-strong -fstack-clash-protection)
    if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64")
        target_compile_options(bh_hardening INTERFACE -fcf-protection)
    endif()
    target_link_options(bh_hardening INTERFACE -Wl,-z,relro,-z,now,-z,noexecstack)
endif()

add_library(bh_sanitize INTERFACE)
if(BH_SANITIZE)
    target_compile_options(bh_sanitize INTERFACE
        -fsanitize=${BH_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
    target_link_options(bh_sanitize INTERFACE -fsanitize=${BH_SANITIZE})
endif()
if(BH_BUILD_FUZZ)
    # The libraries too, or the fuzzer would not see which of their branches an input takes.
    target_compile_options(bh_sanitize INTERFACE -fsanitize=fuzzer-no-link)
endif()

add_library(bh_options INTERFACE)
target_link_libraries(bh_options INTERFACE bh_warnings bh_hardening bh_sanitize)
target_compile_definitions(bh_options INTERFACE
    _POSIX_C_SOURCE=200809L $<$<BOOL:${BH_CRASH_POINTS}>:BH_CRASH_POINTS=1>)

# bh_target(NAME): language level, visibility, include roots and options for a target of ours.
function(bh_target name)
    set_target_properties(${name} PROPERTIES
        C_STANDARD 11 C_STANDARD_REQUIRED ON C_EXTENSIONS OFF
        C_VISIBILITY_PRESET hidden POSITION_INDEPENDENT_CODE ON)
    target_include_directories(${name} PRIVATE
        ${PROJECT_SOURCE_DIR}/src ${PROJECT_SOURCE_DIR}/include ${PROJECT_BINARY_DIR}/include)
    target_link_libraries(${name} PRIVATE bh_options)
endfunction()
