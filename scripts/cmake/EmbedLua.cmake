# Redis scripts as C: one array of bytes and one digest per script.
#
# In a CMakeLists.txt, bh_embed_lua(OUTPUT file.c DIRECTORY dir SCRIPTS name... [FRAGMENTS dir]) makes the
# .c file at build time.  A line `--@include NAME` of a script is replaced by that file of DIRECTORY; a file
# of the same name in FRAGMENTS goes before it, which is how tests give the scripts a clock of their own.
#
# The same file, run as a script (cmake -D... -P), does the work.

if(NOT CMAKE_SCRIPT_MODE_FILE)

    function(bh_embed_lua)
        cmake_parse_arguments(PARSE_ARGV 0 arg "" "OUTPUT;DIRECTORY;FRAGMENTS" "SCRIPTS")
        cmake_path(ABSOLUTE_PATH arg_DIRECTORY)
        if(arg_FRAGMENTS)
            cmake_path(ABSOLUTE_PATH arg_FRAGMENTS)
        endif()
        # Fragments are found by pattern, so that a new one is a dependency as soon as it exists.
        file(GLOB inputs CONFIGURE_DEPENDS ${arg_DIRECTORY}/*.lua)
        if(arg_FRAGMENTS)
            file(GLOB more CONFIGURE_DEPENDS ${arg_FRAGMENTS}/*.lua)
            list(APPEND inputs ${more})
        endif()
        string(JOIN "," names ${arg_SCRIPTS})
        add_custom_command(OUTPUT ${arg_OUTPUT}
            COMMAND ${CMAKE_COMMAND}
                -D OUTPUT=${arg_OUTPUT} -D DIRECTORY=${arg_DIRECTORY} -D FRAGMENTS=${arg_FRAGMENTS}
                -D SCRIPTS=${names} -P ${CMAKE_CURRENT_FUNCTION_LIST_FILE}
            DEPENDS ${inputs} ${CMAKE_CURRENT_FUNCTION_LIST_FILE}
            COMMENT "Embedding Lua into ${arg_OUTPUT}"
            VERBATIM)
    endfunction()
    return()
endif()

# The text of one file with its fragments in place.
function(compose path ret_text)
    file(READ ${path} text)
    string(REGEX MATCHALL "--@include [A-Za-z0-9_.]+" includes "${text}")
    foreach(include IN LISTS includes)
        string(REPLACE "--@include " "" name ${include})
        set(fragment ${DIRECTORY}/${name})
        if(FRAGMENTS AND EXISTS ${FRAGMENTS}/${name})
            set(fragment ${FRAGMENTS}/${name})
        endif()
        file(READ ${fragment} body)
        string(REPLACE "${include}\n" "${body}" text "${text}")
    endforeach()
    set(${ret_text} "${text}" PARENT_SCOPE)
endfunction()

string(REPLACE "," ";" SCRIPTS "${SCRIPTS}")
set(arrays "")
set(rows "")
foreach(name IN LISTS SCRIPTS)
    compose(${DIRECTORY}/${name}.lua text)
    set(composed ${OUTPUT}.${name}.lua)
    file(WRITE ${composed} "${text}")
    file(SHA1 ${composed} digest)
    file(SIZE ${composed} size)
    file(READ ${composed} hex HEX)
    string(REGEX REPLACE "(................................)" "\\1\n   " hex "${hex}")
    string(REGEX REPLACE "([0-9a-f][0-9a-f])" " 0x\\1," hex "${hex}")
    string(TOUPPER ${name} constant)
    string(APPEND arrays "static const unsigned char ${name}_lua[] = {\n   ${hex}\n};\n\n")
    string(APPEND rows
        "    [BH_SCRIPT_${constant}] = {\"${name}\", {(const char *)${name}_lua, ${size}}, \"${digest}\"},\n")
endforeach()

file(WRITE ${OUTPUT}.new
    "/* Made by EmbedLua.cmake from the scripts; changes here are lost. */\n"
    "#include \"redis/scripts.h\"\n\n${arrays}"
    "const struct bh_script bh_scripts[BH_SCRIPT_COUNT] = {\n${rows}};\n")
file(RENAME ${OUTPUT}.new ${OUTPUT})
