# Whether a function's loop is nothing but 12 multiply-adds of registers, a counter and a jump:
#   cmake -DOBJDUMP=… -DPROGRAM=… -DFUNCTION=nash_fma_peak_avx512 -DREGISTER=zmm -P CheckPeakLoop.cmake
execute_process(COMMAND ${OBJDUMP} -d --no-show-raw-insn --disassemble=${FUNCTION} ${PROGRAM} OUTPUT_VARIABLE code COMMAND_ERROR_IS_FATAL ANY)

# Everything from the first multiply-add to the jump after the last one.
if(NOT code MATCHES "(vfmadd[^\n]*\n.*vfmadd[^\n]*\n[^\n]*\n?[^\n]*j[a-z]+ [^\n]*)")
  message(FATAL_ERROR "${FUNCTION} has no loop of multiply-adds:\n${code}")
endif()
set(loop "${CMAKE_MATCH_1}")
string(REGEX MATCHALL "vfmadd[0-9]+ps %${REGISTER}[0-9]+,%${REGISTER}[0-9]+,%${REGISTER}[0-9]+" multiply_adds "${loop}")
list(LENGTH multiply_adds count)
string(REGEX MATCHALL "[^\n]+" instructions "${loop}")
list(LENGTH instructions length)
if(NOT count EQUAL 12 OR length GREATER 15)
  message(FATAL_ERROR "${FUNCTION}: expected a loop of 12 multiply-adds of registers and at most 3 instructions more, got ${count} of ${length}:\n${loop}")
endif()
if(loop MATCHES "%r[sb]p")
  message(FATAL_ERROR "${FUNCTION} spills registers:\n${loop}")
endif()
