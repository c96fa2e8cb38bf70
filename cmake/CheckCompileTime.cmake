# Prints how long a source file takes to compile, and fails beyond a limit. Where it is too slow, so may be the machine: then a
# yardstick, a source file of nothing but the standard library's, is compiled after it, and if that takes longer than it should,
# the limit is longer by as much. The best of three counts, because the machine may have other work.
#
#   cmake "-DCOMPILE=<compiler>;<flags>..." -DSOURCE=<file> -DLIMIT=<seconds>
#         -DYARDSTICK=<file> -DYARDSTICK_MILLISECONDS=<what it takes where the limit holds> -P cmake/CheckCompileTime.cmake
cmake_minimum_required(VERSION 3.24)

# Sets `milliseconds` and `text`, the same in seconds.
macro(compile source)
  string(TIMESTAMP begin "%s%f")
  execute_process(COMMAND ${COMPILE} -c ${source} -o /dev/null COMMAND_ERROR_IS_FATAL ANY)
  string(TIMESTAMP end "%s%f")
  math(EXPR milliseconds "(${end} - ${begin}) / 1000")
  math(EXPR seconds "${milliseconds} / 1000")
  math(EXPR tenths "${milliseconds} % 1000 / 100")
  set(text "${seconds}.${tenths} s")
endmacro()

cmake_path(GET SOURCE FILENAME name)
math(EXPR limit "${LIMIT} * 1000")
foreach(attempt 1 2 3)
  compile(${SOURCE})
  set(taken ${milliseconds})
  message("${name} compiles in ${text} (limit: ${LIMIT} s)")
  if(taken LESS_EQUAL limit)
    return()
  endif()
  compile(${YARDSTICK})
  math(EXPR scaled "${limit} * ${milliseconds} / ${YARDSTICK_MILLISECONDS}")
  message("the yardstick compiles in ${text} instead of ${YARDSTICK_MILLISECONDS} ms: at this speed the limit is ${scaled} ms")
  if(taken LESS_EQUAL scaled)
    return()
  endif()
endforeach()
message(FATAL_ERROR "${name} compiles too slowly")
