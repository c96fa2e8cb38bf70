# Compiles the first C++ program that the README prints.
#
#   cmake "-DCOMPILE=<compiler>;<flags>..." -DREADME=<file> -DPROGRAM=<file to write> -P cmake/CheckReadme.cmake
cmake_minimum_required(VERSION 3.24)

file(READ ${README} text)
string(FIND "${text}" "```cpp\n" begin)
if(begin EQUAL -1)
  message(FATAL_ERROR "${README} has no C++ program")
endif()
math(EXPR begin "${begin} + 7")
string(SUBSTRING "${text}" ${begin} -1 text)
string(FIND "${text}" "```" end)
string(SUBSTRING "${text}" 0 ${end} program)
if(NOT program MATCHES "int main\\(")
  message(FATAL_ERROR "the first C++ block of ${README} is no program")
endif()
file(WRITE ${PROGRAM} "${program}")
execute_process(COMMAND ${COMPILE} -fsyntax-only ${PROGRAM} COMMAND_ERROR_IS_FATAL ANY)
