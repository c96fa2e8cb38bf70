# Checks that a source file compiles without the line that must not compile, and with it fails with the right sentences.
#
#   cmake "-DCOMPILE=<compiler>;<flags>..." -DCASE=<file> -P cmake/CheckCompileFail.cmake
cmake_minimum_required(VERSION 3.24)

file(STRINGS ${CASE} expect_lines REGEX "^// expect: ")
if(NOT expect_lines)
  message(FATAL_ERROR "needs a line \"// expect: <part of the compiler's message>\", or several")
endif()

function(compile out_failed out_output)
  execute_process(COMMAND ${COMPILE} ${ARGN} -fsyntax-only ${CASE}
                  RESULT_VARIABLE result OUTPUT_VARIABLE output ERROR_VARIABLE output)
  set(${out_failed} ${result} PARENT_SCOPE)
  set(${out_output} "${output}" PARENT_SCOPE)
endfunction()

compile(failed output -DNASH_COMPILE_FAIL=0)
if(failed)
  message("${output}")
  message(FATAL_ERROR "does not compile without the offending line either")
endif()

compile(failed output -DNASH_COMPILE_FAIL=1)
if(NOT failed)
  message(FATAL_ERROR "compiles, but must not")
endif()
foreach(expected ${expect_lines})
  if(NOT expected MATCHES "^// expect: ")
    message(FATAL_ERROR "an \"// expect: \" line has a semicolon or a bracket, which this check cannot read: expect less")
  endif()
  string(REGEX REPLACE "^// expect: " "" expected "${expected}")
  string(FIND "${output}" "${expected}" position)
  if(position EQUAL -1)
    message("${output}")
    message(FATAL_ERROR "fails, but does not say \"${expected}\"")
  endif()
endforeach()
