#!/bin/bash
# manual_test.sh MAN_FOLDER COMPLETION: what the programs say of themselves with --help fits a terminal, and is what their
# manual pages and the completion of bash say: each command has a page, and each option stands in both; and so do the
# policies of a mount.
set -euo pipefail
pages=$1
. "$2"
wrong=0
complain() { echo "FAILED: $*" >&2; wrong=1; }

# The page's words; as it is shown, lines break in options as well.
read_page() { sed 's/\\f[BIRP]//g; s/\\-/-/g' "$1"; }

# What completion offers for the words, the last of which is being typed: offered FUNCTION WORD...
offered() {
  local complete=$1
  shift
  COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) COMP_LINE="$*" COMPREPLY=()
  COMP_POINT=${#COMP_LINE}
  "$complete" 2>/dev/null || true
  printf '%s\n' "${COMPREPLY[@]}"
}

# commands_of PROGRAM [COMMAND]: the commands that its --help lists.
commands_of() { "$@" --help | sed '1,/^Commands:/d' | grep -oE '^  [a-z]+' || true; }

# look_at FUNCTION PROGRAM [COMMAND [COMMAND]]: the command of a command is on the page of the latter.
look_at() {
  local complete=$1 name page text option completed
  shift
  name=$(IFS=-; echo "${*:1:2}")
  page=$(ls "$pages/$name".[1-8] 2>/dev/null) || { complain "there is no page $name"; return; }
  text=$(read_page "$page")
  completed=$(offered "$complete" "$@" -)
  [ -z "$("$@" --help | awk 'length > 80')" ] || complain "'$* --help' has lines of more than 80 columns"
  for option in $("$@" --help | grep -oE '(^ *|,)--?[a-zA-Z][a-z0-9-]*' | grep -oE -- '-.*' | sort -u); do
    grep -qwF -- "$option" <<<"$text" || complain "$page does not speak of $option"
    grep -qxF -- "$option" <<<"$completed" || complain "'$*' is not completed with $option"
  done
}

for page in "$pages"/*; do
  said=$(MANWIDTH=100 man --warnings -l "$page" 2>&1 >/dev/null)
  [ -z "$said" ] || complain "$page: $said"
  # These requests set their arguments without blanks between: words of a sentence would run together.
  glued=$(grep -E '^\.(BR|RB|BI|IB|IR|RI) ' "$page" | sed 's/"[^"]*"/"/g' | grep -E ' [A-Za-z.]+ [A-Za-z.]+ [A-Za-z]+' || true)
  [ -z "$glued" ] || complain "$page sets without blanks: $glued"
  twice=$(sed '1,/^\.SH SEE ALSO/d; s/,$//' "$page" | sort | uniq -d)
  [ -z "$twice" ] || complain "$page says twice to see $twice"
done

commands=$(commands_of spindle)
[ "$(wc -w <<<"$commands")" -gt 15 ] || complain "spindle --help lists no commands: $commands"
for command in $commands; do
  grep -qxF "$command" <<<"$(offered _spindle spindle "")" || complain "'spindle' is not completed with $command"
  look_at _spindle spindle "$command"
  for part in $(commands_of spindle "$command"); do look_at _spindle spindle "$command" "$part"; done
done
look_at _spindle spindle
look_at _mkfs_spindle mkfs.spindle
look_at _fsck_spindle fsck.spindle

# A wrong value is refused with the names of the right ones.
mount_page=$(read_page "$pages/spindle-mount.8")
for option in arm cache-policy disk fit; do
  said=$(spindle mount /dev/null /tmp -o "$option=?" 2>&1) && complain "$option=? is accepted"
  names=${said#*is one of } names=${names%, not*} names=${names%, or a library*}
  completed=$(offered _spindle spindle mount -o "$option=")
  for name in ${names//,/ }; do
    grep -qwF -- "$name" <<<"$mount_page" || complain "spindle-mount.8 does not speak of $option=$name"
    grep -qF -- "$name" <<<"$completed" || complain "$option= is not completed with $name: $completed"
  done
done
exit "$wrong"
