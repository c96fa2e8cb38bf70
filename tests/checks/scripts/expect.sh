# Sourced by the tests of scripts.

# Fails unless a command ends with this exit code and its output holds this text: expect CODE TEXT COMMAND ARGUMENTS...
expect() {
  wanted=$1
  text=$2
  shift 2
  code=0
  output=$("$@" 2>&1 </dev/null) || code=$?
  echo "$output"
  [ $code -eq "$wanted" ] || { echo "The exit code is $code, not $wanted: $*"; exit 1; }
  case "$output" in
    *"$text"*) ;;
    *) echo "The output does not say: $text"; exit 1 ;;
  esac
}

# Fails unless a folder holds these files and no others: expect_files FOLDER "FILES"
expect_files() {
  [ "$(ls -A "$1" | tr '\n' ' ')" = "${2:+$2 }" ] || { echo "In $1 there is not '$2', but: $(ls -A "$1")"; exit 1; }
}
