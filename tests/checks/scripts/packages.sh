#!/bin/sh
# Runs nash_require_packages of scripts/lib/packages.sh where dpkg-query, apt-get and sudo are ours: packages.sh SCRIPT FOLDER
#
# dpkg-query has the packages that HAVE names. apt-get notes how it is called, and fails as often as the file `failures` says.
set -eu
. "$(dirname "$0")/expect.sh"
top=$(mktemp -d)  # not the folder given: others than root must be able to read it
trap 'rm -rf "$top"' EXIT
chmod 755 "$top"
mkdir "$top/bin" "$top/empty"
cp "$1" "$top/packages.sh"
cd "$top"

cat >bin/dpkg-query <<'END'
#!/bin/sh
for package; do :; done
case " ${HAVE:-} " in *" $package "*) printf installed ;; *) exit 1 ;; esac
END
cat >bin/apt-get <<'END'
#!/bin/sh
echo "apt-get $*" >>"$TOP/calls"
[ "$1" = install ] && [ -s "$TOP/failures" ] || exit 0
sed -i 1d "$TOP/failures"
echo "E: Unable to locate package"
exit 100
END
cat >bin/sudo <<'END'
#!/bin/sh
echo "sudo $*" >>"$TOP/calls"
[ "$1" != -v ] || exit "${DENIED:-0}"
exec "$@"
END
cat >require <<'END'
. "$TOP/packages.sh"
nash_require_packages one two
echo "code $?"
END
chmod +x bin/*
bash=$(command -v bash)
export TOP="$top" PATH="$top/bin:$PATH"
unset NASH_PACKAGES

begin() {
  : >calls
  yes again 2>/dev/null | head -n "$1" >failures
  chmod 666 calls failures
}
calls() {
  sed 's/-o DPkg.*=300 //; s/env DEBIAN_FRONTEND=noninteractive //; s/--yes --no-install-recommends //' calls | tr '\n' ';'
}
expect_calls() {
  [ "$(calls)" = "$1" ] || { echo "The calls were not '$1', but: $(calls)"; exit 1; }
}

begin 0
expect 0 "code 0" env HAVE="one two" "$bash" require
expect_calls ""
expect 0 "code 0" env NASH_PACKAGES=skip "$bash" require
expect_calls ""
expect 0 "This is no Debian system: nothing is installed. Needed are what Debian calls: one two" env PATH="$top/empty" "$bash" require

if [ "$(id -u)" -eq 0 ]; then
  expect 0 "Installing two" env HAVE="one" "$bash" require
  expect_calls "apt-get install two;"
  begin 1  # the lists of packages are old
  expect 0 "code 0" env HAVE="one" "$bash" require
  expect_calls "apt-get install two;apt-get update;apt-get install two;"
  begin 2
  expect 0 "Installing failed; see above. Needed are: one two" "$bash" require
  case "$output" in *"Unable to locate package"*"code 1") ;; *) exit 1 ;; esac
  chmod 777 .
  anybody="setpriv --reuid=65534 --clear-groups"
fi
begin 0
# shellcheck disable=SC2086  # a command and its options
expect 0 "takes root or sudo: one two" ${anybody:-} env DENIED=1 "$bash" require
case "$output" in *"apt-get install --no-install-recommends one two"*"code 1") ;; *) exit 1 ;; esac
expect_calls "sudo -v;"
begin 0
# shellcheck disable=SC2086
expect 0 "code 0" ${anybody:-} env HAVE="two" "$bash" require
expect_calls "sudo -v;sudo apt-get install one;apt-get install one;"
