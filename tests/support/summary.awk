# summary.awk - from the output of `ctest -V` one line per program, the output of what failed, and the sum.
#
# -v configured_in=FILE  output of `ctest -N`: what has to run
# -v strict=true         a skipped test counts as failed
#
# Criterion's own counts are taken from its closing line, those of a script from a last line of the form
# "N passed, N failed"; a program that tells nothing is one test.  ctest's verdict goes first: a program that failed
# has at least one failure, whatever it says itself.

function plain(text) {
    gsub(/\033\[[0-9;]*m/, "", text)
    return text
}

function count_after(text, word) {
    return match(text, word ": [0-9]+") ? substr(text, RSTART + length(word) + 2, RLENGTH - length(word) - 2) + 0 : 0
}

BEGIN {
    while ((getline line < configured_in) > 0)
        if (match(line, /^ +Test +#[0-9]+: /)) {
            split(substr(line, RLENGTH + 1), words, " ")
            wanted[words[1]] = 1
            wanted_count++
        }
}

# "7: text": a line of test number 7.
/^[0-9]+: / {
    number = $0
    sub(/:.*/, "", number)
    text = plain(substr($0, length(number) + 3))
    output[number] = output[number] text "\n"
    if (text ~ /Synthesis: Tested:/) {
        known[number] = 1
        good[number] += count_after(text, "Passing")
        bad[number] += count_after(text, "Failing") + count_after(text, "Crashing")
    } else if (text ~ /^[0-9]+ passed, [0-9]+ failed/) {
        split(text, words, " ")
        known[number] = 1
        good[number] = words[1] + 0
        bad[number] = words[3] + 0
        skip[number] = text ~ / skipped/ ? words[5] + 0 : 0
    } else if (text ~ /^\[SKIP\]/)
        skip[number]++
    next
}

# " 3/12 Test  #7: name ....   Passed    0.12 sec"
/ Test +#[0-9]+: / {
    line = $0
    sub(/^.* Test +#/, "", line)
    number = line + 0
    sub(/^[0-9]+: /, "", line)
    name = line
    sub(/ .*/, "", name)
    seconds = $(NF - 1)
    verdict = line ~ /   Passed / ? "ok" : line ~ /\*\*\*Skipped/ ? "skipped" : "FAILED"
    finished[name] = 1

    if (verdict == "skipped")
        skip[number] = skip[number] > 0 ? skip[number] : 1
    else if (!known[number])
        good[number] = verdict == "ok"
    if (verdict == "FAILED" && bad[number] == 0)
        bad[number] = 1

    printf "%-7s %-34s %5d passed %4d failed %4d skipped %8s s\n", verdict, name, good[number], bad[number],
        skip[number], seconds
    if (verdict != "ok" || bad[number] > 0) {
        result = line
        sub(/^[^*]*\*\*\*/, "", result)
        printf "---- %s: %s\n%s----\n", name, result, output[number]
    }
    delete output[number]
    passed += good[number]
    failed += bad[number]
    skipped += skip[number]
    next
}

/^CMake (Error|Warning)|^Unable to find|No tests were found/ { print }

END {
    for (name in wanted)
        if (!(name in finished)) {
            print "FAILED  " name " is configured, but did not run"
            failed++
        }
    if (wanted_count == 0) {
        print "FAILED  no test is configured"
        failed++
    }
    if (strict == "true" && skipped > 0) {
        print "FAILED  " skipped " skipped, and nothing may be skipped here"
        failed += skipped
    }
    printf "%d passed, %d failed%s\n", passed, failed, (skipped > 0 ? ", " skipped " skipped" : "")
    exit (failed > 0)
}
