# What the tests of the faces share: each sources it, with its folder as `tests`, and looks at `failures` at the end.
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failures=0
export LC_ALL=C.UTF-8 COLUMNS=100

fail() {
  echo "FAILED: $*"
  failures=$((failures + 1))
}

# says REGEX COMMAND...: a line of the text matches.
says() {
  local regex=$1 text
  shift
  text=$(spindle "$@" 2>&1) || fail "$*: exit status $?: $text"
  grep -Eq -- "$regex" <<<"$text" || fail "$*: no line matches '$regex' in:"$'\n'"$text"
}

# json EXPRESSION COMMAND...: the expression is true for the answer `a`.
json() {
  local expression=$1
  shift
  spindle "$@" --json | python3 -c '
import json, sys
a = json.load(sys.stdin)
assert eval(sys.argv[1]), a' "$expression" || fail "$* --json: not $expression"
}

# refuses REGEX COMMAND...: exit status 1, nothing on the standard output, one sentence that matches.
refuses() {
  local regex=$1 out status
  shift
  out=$(spindle "$@" 2>"$work/error")
  status=$?
  [ $status -eq 1 ] && [ -z "$out" ] || fail "$*: exit status $status, output '$out'"
  [ "$(wc -l <"$work/error")" -eq 1 ] && grep -Eq -- "$regex" "$work/error" ||
    fail "$*: not '$regex' but: $(cat "$work/error")"
}

# draws EXPRESSION COMMAND...: the SVG is well formed, nothing in it lies outside, and the expression is true for its
# elements (`of(TAG)`) and all its words (`words`).
draws() {
  local expression=$1
  shift
  spindle "$@" --svg "$work/picture.svg" >"$work/text" || fail "$*: exit status $?"
  python3 "$tests/svg.py" "$work/picture.svg" "$expression" || fail "$* --svg: not $expression"
}
