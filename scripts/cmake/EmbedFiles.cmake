# Files as C: one array of bytes per file, and an ETag made of its content.
#
# In a CMakeLists.txt, bh_embed_files(OUTPUT file.c INCLUDE header SYMBOL name FILES file...) makes the .c file at
# build time.  It defines `const struct bh_http_asset SYMBOL[]`, in the order of the files.  Several joined by "+" become
# one, in their order.
#
# The same file, run as a script (cmake -D... -P), does the work.

if(NOT CMAKE_SCRIPT_MODE_FILE)

    function(bh_embed_files)
        cmake_parse_arguments(PARSE_ARGV 0 arg "" "OUTPUT;INCLUDE;SYMBOL" "FILES")
        set(paths "")
        set(groups "")
        foreach(group IN LISTS arg_FILES)
            string(REPLACE "+" ";" files "${group}")
            set(members "")
            foreach(file IN LISTS files)
                cmake_path(ABSOLUTE_PATH file)
                list(APPEND members ${file})
            endforeach()
            list(APPEND paths ${members})
            string(JOIN "+" group ${members})
            list(APPEND groups ${group})
        endforeach()
        string(JOIN "," joined ${groups})
        add_custom_command(OUTPUT ${arg_OUTPUT}
            COMMAND ${CMAKE_COMMAND}
                -D OUTPUT=${arg_OUTPUT} -D INCLUDE=${arg_INCLUDE} -D SYMBOL=${arg_SYMBOL}
                -D FILES=${joined} -P ${CMAKE_CURRENT_FUNCTION_LIST_FILE}
            DEPENDS ${paths} ${CMAKE_CURRENT_FUNCTION_LIST_FILE}
            COMMENT "Embedding files into ${arg_OUTPUT}"
            VERBATIM)
    endfunction()
    return()
endif()

string(REPLACE "," ";" FILES "${FILES}")
set(arrays "")
set(rows "")
set(at 0)
foreach(group IN LISTS FILES)
    string(REPLACE "+" ";" files "${group}")
    set(joined ${OUTPUT}.${at})
    execute_process(COMMAND ${CMAKE_COMMAND} -E cat ${files} OUTPUT_FILE ${joined} COMMAND_ERROR_IS_FATAL ANY)
    file(SHA256 ${joined} digest)
    string(SUBSTRING ${digest} 0 16 tag)
    file(SIZE ${joined} size)
    file(READ ${joined} hex HEX)
    string(REGEX REPLACE "(................................)" "\\1\n   " hex "${hex}")
    string(REGEX REPLACE "([0-9a-f][0-9a-f])" " 0x\\1," hex "${hex}")
    string(APPEND arrays "static const unsigned char file_${at}[] = {\n   ${hex}\n};\n\n")
    string(APPEND rows "    {{(const char *)file_${at}, ${size}}, \"\\\"${tag}\\\"\"},\n")
    math(EXPR at "${at} + 1")
endforeach()

file(WRITE ${OUTPUT}.new
    "/* Made by EmbedFiles.cmake; changes here are lost. */\n"
    "#include \"${INCLUDE}\"\n\n${arrays}"
    "const struct bh_http_asset ${SYMBOL}[] = {\n${rows}};\n")
file(RENAME ${OUTPUT}.new ${OUTPUT})
