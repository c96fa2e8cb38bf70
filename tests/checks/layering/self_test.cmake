# Does cmake/CheckLayering.cmake see what is wrong with the headers planted in this folder?
cmake_minimum_required(VERSION 3.24)

set(planted ${CMAKE_CURRENT_LIST_DIR})
execute_process(COMMAND ${CMAKE_COMMAND} -DINCLUDE_DIR=${planted} -P ${planted}/../../../cmake/CheckLayering.cmake
                RESULT_VARIABLE result ERROR_VARIABLE output)

foreach(expected
    "nash/core/upwards.hpp (rank 0) includes nash/tensor/tensor.hpp (rank 1)"
    "nash/extra/lost.hpp is in no folder of the table"
    "nash/io/file.hpp includes nash/kernels/gemm.hpp; io/ may include only those of core;tensor;io"
    "nash/nn/sideways.hpp (rank 3) includes nash/io/png.hpp (rank 3)"
    "nash/nn/sideways.hpp includes nash/kernels/nothing.hpp, which does not exist"
    "nash/nn/umbrella.hpp includes nash/nash.hpp, which is for users only"
    "nash/tensor/tensor.hpp has preprocessor conditions"
    "nash/tensor/tensor.hpp includes \"device.hpp\"; headers of nash are included by their whole path"
    "nash/nash.hpp reaches png.h (in nash/io/png.hpp), which only nash/io.hpp may"
    "nash/core/upwards.hpp is reached from none of")
  string(FIND "${output}" "${expected}" position)
  if(result EQUAL 0 OR position EQUAL -1)
    message(SEND_ERROR "not reported: ${expected}\n${output}")
  endif()
endforeach()
