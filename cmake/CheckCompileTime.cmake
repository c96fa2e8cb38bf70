# Prints how long a source file takes to compile, and fails beyond a limit. Takes the best of three where the first is
# too slow, because the machine may have other work.
#
#   cmake "-DCOMPILE=<compiler>;<flags>..." -DSOURCE=<file> -DLIMIT=<seconds> -P cmake/CheckCompileTime.cmake
cmake_minimum_required(VERSION 3.24)

cmake_path(GET SOURCE FILENAME name)
math(EXPR limit "${LIMIT} * 1000")
foreach(attempt 1 2 3)
  string(TIMESTAMP begin "%s%f")
  execute_process(COMMAND ${COMPILE} -c ${SOURCE} -o /dev/null COMMAND_ERROR_IS_FATAL ANY)
  string(TIMESTAMP end "%s%f")
  math(EXPR milliseconds "(${end} - ${begin}) / 1000")
  math(EXPR seconds "${milliseconds} / 1000")
  math(EXPR tenths "${milliseconds} % 1000 / 100")
  message("${name} compiles in ${seconds}.${tenths} s (limit: ${LIMIT} s)")
  if(milliseconds LESS_EQUAL limit)
    return()
  endif()
endforeach()
message(FATAL_ERROR "${name} compiles too slowly")
