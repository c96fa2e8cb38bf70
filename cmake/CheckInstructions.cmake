# Fails where a piece of work takes many more instructions than it took when somebody last looked.
#
#   cmake -DPROGRAM=… -DKIND=gemm -DVALGRIND=… -DEXPECTED=expected.txt -P CheckInstructions.cmake
#
# Instructions are counted by valgrind's callgrind, which gives the same number for the same program whatever else the machine
# does: a guard against slow-downs that needs no quiet machine. EXPECTED has a line "kind count" for each kind. A count may be
# higher by a tenth, since compilers differ; if it is lower by as much, the line is out of date and that is said.
set(ENV{OMP_NUM_THREADS} 1)
execute_process(
  COMMAND ${VALGRIND} --tool=callgrind --callgrind-out-file=/dev/null --toggle-collect=counted ${PROGRAM} ${KIND}
  RESULT_VARIABLE result OUTPUT_VARIABLE output ERROR_VARIABLE output)
if(NOT result EQUAL 0 OR NOT output MATCHES "Collected : ([0-9]+)")
  message(FATAL_ERROR "callgrind did not count ${KIND}:\n${output}")
endif()
set(count ${CMAKE_MATCH_1})

file(STRINGS ${EXPECTED} line REGEX "^${KIND} [0-9]+$")
if(NOT line)
  message(FATAL_ERROR "${EXPECTED} has no line for ${KIND}; add: ${KIND} ${count}")
endif()
string(REGEX REPLACE "^.* " "" expected "${line}")
math(EXPR percent "100 * ${count} / ${expected}")
message(STATUS "${KIND}: ${count} instructions, ${percent} % of the ${expected} expected")
if(percent GREATER 110)
  message(FATAL_ERROR "${KIND} takes ${percent} % of the instructions that it took. If that is as it must be, say in the commit "
                      "why and set its line in ${EXPECTED} to: ${KIND} ${count}")
elseif(percent LESS 90)
  message(STATUS "It became faster: set its line in ${EXPECTED} to: ${KIND} ${count}")
endif()
