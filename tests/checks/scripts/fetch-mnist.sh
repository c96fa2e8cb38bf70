#!/bin/sh
# Runs scripts/fetch-mnist without a network, in a folder of its own: fetch-mnist.sh SCRIPT FOLDER
#
# The script runs with small files in the place of the database: a copy of it has their sums, and a curl of our own takes
# what is at https://HOST/PATH from the folder web/HOST/PATH.
set -eu
. "$(dirname "$0")/expect.sh"
names="t10k-images-idx3-ubyte t10k-labels-idx1-ubyte train-images-idx3-ubyte train-labels-idx1-ubyte"
archives=$(printf '%s.gz ' $names)
archives=${archives% }
rm -rf "$2"
mkdir -p "$2/bin" "$2/web/mirror.test/good" "$2/web/mirror.test/corrupt" "$2/web/mirror.test/cut"

cp "$1" "$2/fetch-mnist"
cd "$2"
known=$(sed -n 's,^  https://,,p' fetch-mnist | head -n 1)   # the first of the public mirrors
[ -n "$known" ] || { echo "There is no public mirror in $1"; exit 1; }
for name in train-images-idx3-ubyte train-labels-idx1-ubyte t10k-images-idx3-ubyte t10k-labels-idx1-ubyte; do
  echo "the content of $name" >"$name"
  sum=$(sha256sum <"$name")
  sed -i -E "0,/^  [0-9a-f]{64}\$/s//  made-for-a-test ${sum%% *}/" fetch-mnist
  gzip -c "$name" >"web/mirror.test/good/$name.gz"
  echo "something else" | gzip >"web/mirror.test/corrupt/$name.gz"
  head -c 30 "web/mirror.test/good/$name.gz" >"web/mirror.test/cut/$name.gz"
done
sed -i 's/made-for-a-test //' fetch-mnist

cat >bin/curl <<'END'
#!/bin/sh
while [ $# -gt 1 ]; do
  [ "$1" != --output ] || output=$2
  shift
done
echo "$1" >>downloads
cp "web/${1#https://}" "$output"
END
chmod +x bin/curl
PATH=$PWD/bin:$PATH
good=https://mirror.test/good

check_all() {
  expect_files "$1" "$archives"
  for name in $names; do
    gzip -dc "$1/$name.gz" | cmp - "$name" || exit 1
    [ "$(stat -c %a "$1/$name.gz")" = 644 ] || { echo "The permissions of $name.gz are not 644"; exit 1; }
  done
}

check_downloads() {
  [ "$(sort downloads)" = "$1" ] || { echo "Downloaded were, instead of $1:"; cat downloads; exit 1; }
}

expect 0 "usage: scripts/fetch-mnist FOLDER" ./fetch-mnist --help
expect 2 "expected the folder" ./fetch-mnist
expect 2 "expected one folder" ./fetch-mnist a b
expect 2 "unknown option --no-such-option" ./fetch-mnist --no-such-option a
expect 2 "--mirror needs a URL" ./fetch-mnist a --mirror
[ ! -e a ] || { echo "Wrong usage has left a folder"; exit 1; }
[ ! -e downloads ] || { echo "Wrong usage has downloaded something"; exit 1; }

# All is well, with the slash at the URL's end or without.
expect 0 "all four files are in data/new" ./fetch-mnist data/new --mirror "$good/"
check_all data/new
check_downloads "$(printf "$good/%s\n" $archives)"

# Files that are there and are right are kept; one that is not is fetched again.
cp web/mirror.test/corrupt/train-labels-idx1-ubyte.gz data/new
: >downloads
expect 0 "train-images-idx3-ubyte.gz is there already" ./fetch-mnist --mirror=$good data/new
check_all data/new
check_downloads $good/train-labels-idx1-ubyte.gz

# What comes is wrong, cut short or missing, everywhere: nothing is kept.
for way in corrupt cut; do
  expect 1 "what came has another SHA-256 than it should: not kept" ./fetch-mnist --mirror https://mirror.test/$way $way
  expect 1 "no mirror gave train-images-idx3-ubyte.gz: check the network" ./fetch-mnist --mirror https://mirror.test/$way $way
  expect_files $way ""
done
expect 1 "no mirror gave train-images-idx3-ubyte.gz" ./fetch-mnist --mirror https://mirror.test/missing missing
expect_files missing ""

# Wrong at the mirror given, right at one that the script knows.
mkdir -p "web/${known%/*}"
mv web/mirror.test/good "web/$known"
expect 0 "another SHA-256" ./fetch-mnist --mirror https://mirror.test/corrupt data/second
check_all data/second
