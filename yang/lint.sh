#!/bin/sh
# Checks every module of this folder with pyang and, where it is installed,
# with yanglint. Usage: yang/lint.sh
#
#   PYANG     the pyang to use (default: pyang); it brings the IETF modules
#   YANGLINT  the yanglint to use (default: yanglint); skipped when missing
#
# Fails on any output that lint-exceptions.txt does not cover, and on an
# exception that covers nothing any more.
set -u
PYANG=${PYANG:-pyang}
YANGLINT=${YANGLINT:-yanglint}
# A path given relative to the caller's folder must survive the change below.
case $PYANG in /*) ;; */*) PYANG=$PWD/$PYANG ;; esac
case $YANGLINT in /*) ;; */*) YANGLINT=$PWD/$YANGLINT ;; esac
cd "$(dirname "$0")" || exit 2
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT

command -v "$PYANG" >/dev/null || { echo "lint: no pyang at '$PYANG'" >&2; exit 2; }

"$PYANG" --lint --canonical --lint-ensure-hyphenated-names \
  --lint-namespace-prefix=http://cisco.com/ns/yang/ \
  --lint-namespace-prefix=urn:ponder:yang: \
  --max-line-length=80 --path=. ./*.yang >"$work/output" 2>&1
# pyang prints the files as they were given; drop the leading ./
sed 's|^\./||' "$work/output" >"$work/lines"

failed=0
grep -v -e '^#' -e '^[[:space:]]*$' lint-exceptions.txt >"$work/exceptions"
if grep -E -v -f "$work/exceptions" "$work/lines"; then
  failed=1
fi
while IFS= read -r expression; do
  if ! grep -q -E -e "$expression" "$work/lines"; then
    echo "lint-exceptions.txt: matches nothing: $expression"
    failed=1
  fi
done <"$work/exceptions"

# A submodule cannot be loaded by itself, so yanglint gets the modules only.
# They are loaded together, as the agent does it.
modules=$(grep -l '^module ' ./*.yang)
# What they import from the IETF lies beside pyang.
ietf=$(dirname "$(command -v "$PYANG")")/../share/yang/modules
if command -v "$YANGLINT" >/dev/null; then
  # shellcheck disable=SC2086 # one argument a module
  if ! "$YANGLINT" --path=. --path="$ietf/ietf" --path="$ietf/iana" $modules >"$work/yanglint" 2>&1 || [ -s "$work/yanglint" ]; then
    cat "$work/yanglint"
    failed=1
  fi
else
  echo "lint: no yanglint at '$YANGLINT', that half is skipped" >&2
fi

if [ "$failed" -eq 0 ]; then
  echo "lint: $(ls ./*.yang | wc -l) files, no complaint beyond the listed exceptions"
fi
exit "$failed"
