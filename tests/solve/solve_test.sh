#!/usr/bin/env bash
# `spindle solve` on the known cases, on cases that differ, on malformed ones, and on malicious files.
set -u

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
here=$(dirname "$(readlink -f "$0")")
failures=0

fail() {
  echo "FAILED: $*"
  failures=$((failures + 1))
}

# solves STATUS REGEX TEXT [OPTION]: the exit status, and a line of what is printed that matches.
solves() {
  local status=$1 regex=$2 text=$3 out
  shift 3
  out=$(printf '%s' "$text" | timeout 60 spindle solve - "$@" 2>&1)
  local got=$?
  [ "$got" -eq "$status" ] || fail "${text:0:200}: exit status $got, not $status: ${out:0:300}"
  grep -Eq -- "$regex" <<<"$out" || fail "${text:0:200}: no line matches '$regex' in: ${out:0:300}"
}

rr='{"id":"a","domain":"cpu","algorithm":"RR","parameters":{"quantum":4},"input":{"processes":[["P",0,24],["Q",0,3]]}'

for cases in simulation-cases more-cases; do
  out=$(spindle solve "$here/../data/$cases.json" 2>&1) || fail "$cases: exit status $?"
  grep -q '^\([0-9]*\) of \1 cases agree' <<<"$out" || fail "$cases: $out"
  [ "$(wc -l <<<"$out")" -eq 1 ] || fail "$cases: more is said than that all agree: $out"
done

solves 0 '^a: cpu RR$' "[$rr}]"
solves 0 'makespan +27' "[$rr}]"
solves 0 '1 of 1 cases agree' "[$rr,\"expected\":{\"makespan\":27}}]"
solves 1 '^a: makespan: expected 28, answered 27$' "[$rr,\"expected\":{\"makespan\":28}}]"
solves 1 '^a: colour: no answer$' "[$rr,\"expected\":{\"colour\":1}}]"
solves 1 '^case 2: tape RR$' "[$rr},{\"domain\":\"tape\",\"algorithm\":\"RR\"}]"
solves 1 'a process is \[name, arrival, burst\] \(item 3 of the list\)$' "[${rr/]]/],[\"R\",1]]}}]"
solves 0 '^\]$' '[]' --json
solves 0 '^spindle solve: -: there are no cases$' '[]' --json
solves 0 '^spindle solve: -: there are no cases$' '[]'
solves 1 'not a list of cases' '{}'
solves 1 'not JSON: parse error at line 1' '[nan]'
solves 1 'not JSON' ''
solves 1 'not JSON' '[{"id": NaN}]'
solves 1 'not JSON.*\\xff' "$(printf '["\xff\xfe"]')"
solves 1 'case: not an object' '[17, [], "x", null]'
solves 1 'algorithm: "RUN" is not one of FCFS, SJF, SRTF' "[${rr/RR/RUN}}]"
solves 1 'domain: "kitchen" is not known' "[${rr/cpu/kitchen}}]"
solves 0 'makespan +27' "[${rr/RR/Round_Robin}}]"
solves 0 '^spindle solve: a: parameters: "quatum" means nothing here$' "[${rr/\"quantum\"/\"quatum\":9,\"quantum\"}}]"
# A block of size 0 would lie where the next one does.
solves 1 'neither \+bytes nor -number of a block \(item 1 of the list\)$' \
  '[{"domain":"heap","algorithm":"FIRST-FIT","parameters":{"size":100},"input":{"ops":["+0","+10","-0"]}}]'
solves 1 'quantum: the list is not a number' "[${rr/4/[]}}]"
solves 1 'nested deeper than' "$(printf '[%.0s' {1..100000})"
solves 1 'nested deeper than' "$(printf '{"a":%.0s' {1..5000})"
[ "$(spindle solve "$work/none" 2>&1)" = "spindle solve: $work/none: it cannot be read (No such file or directory)" ] || fail "a file that is not there"
spindle solve "$work" >/dev/null 2>&1 && fail "a directory was solved"

# One bad case does not stop the others, and its error has its place.
printf '[%s},17,%s,"expected":{"makespan":27}}]' "$rr" "$rr" | spindle solve - --json 2>"$work/error" | python3 -c '
import json, sys
answers = json.load(sys.stdin)
assert [sorted(a) for a in answers] == [["answer", "id"], ["error", "id"], ["answer", "id"]], answers
assert "gantt" in answers[0]["answer"] and answers[2]["answer"] == {"makespan": 27}, answers' || fail "a bad case among good ones"

# Numbers beyond reason are answered at once, with a sentence, and in little memory.
ulimit -v 4000000
python3 - "$here/../data/simulation-cases.json" >"$work/hostile.json" <<'END'
import copy, json, sys
cases = json.load(open(sys.argv[1]))
seen, hostile = set(), []
for case in cases:
    kind = (case["domain"], case["algorithm"])
    if kind in seen or len(json.dumps(case)) > 3000:
        continue
    seen.add(kind)
    case.pop("expected")
    for part in ("parameters", "input"):
        for key, value in case[part].items():
            for bad in (10**9, 10**18, 2**64, -1, 1e308, 1e-300, 0, "", [], {}, [[]], [10**9], [-1], {"generate": [1, 10**9, 0, 5]}):
                worse = copy.deepcopy(case)
                worse[part][key] = bad
                hostile.append(worse)
            if isinstance(value, list) and value and isinstance(value[0], list):
                for place in range(len(value[0])):
                    for bad in (10**9, 10**18, -1, 1e308, 1e-6, None):
                        worse = copy.deepcopy(case)
                        worse[part][key][0][place] = bad
                        hostile.append(worse)
json.dump(hostile, sys.stdout)
END
timeout 200 spindle solve "$work/hostile.json" --json >"$work/answers.json" 2>"$work/error"
[ $? -le 1 ] || fail "hostile numbers: stopped, or took too long"
python3 - "$work/hostile.json" "$work/answers.json" <<'END' || fail "hostile numbers"
import json, sys
cases, answers = (json.load(open(name)) for name in sys.argv[1:])
assert len(cases) == len(answers) > 1000
errors = [a["error"] for a in answers if "error" in a]
assert len(errors) > len(cases) / 2 and all(errors), len(errors)
END

[ "$failures" -eq 0 ] && echo "all as it should be"
exit "$((failures > 0))"
