# nash::cuda: what files that include <nash/cuda.hpp> are compiled and linked with. Files are of the language CUDA.
#
#   nash_add_cuda()    enables the language and makes the target
macro(nash_add_cuda)
  # Code for A100 and H100, and intermediate code from which the driver makes that of newer ones.
  if(NOT DEFINED CMAKE_CUDA_ARCHITECTURES)
    set(CMAKE_CUDA_ARCHITECTURES 80-real 90)
  endif()
  enable_language(CUDA)
  if(CMAKE_CUDA_COMPILER_VERSION VERSION_LESS 13)
    message(FATAL_ERROR "nash: NASH_CUDA needs CUDA 13 or newer, found ${CMAKE_CUDA_COMPILER_VERSION} (${CMAKE_CUDA_COMPILER})")
  endif()
  find_package(CUDAToolkit REQUIRED)
  add_library(nash_cuda INTERFACE)
  add_library(nash::cuda ALIAS nash_cuda)
  set_target_properties(nash_cuda PROPERTIES EXPORT_NAME cuda)
  target_link_libraries(nash_cuda INTERFACE nash CUDA::cudart CUDA::cublas)
  # The standard, which CMake 3.25 does not pass on to an nvcc as new as this; constexpr functions of the standard library within
  # functors; and no warnings of pragmas that are GCC's, which nvcc hands on to it.
  target_compile_options(nash_cuda INTERFACE
    "$<$<COMPILE_LANGUAGE:CUDA>:-std=c++20;--expt-relaxed-constexpr;-diag-suppress=1675;-Xcompiler=${OpenMP_CXX_FLAGS}>")
  if(NASH_CUDNN)
    nash_find_cudnn(cudnn_include cudnn_library)
    target_compile_definitions(nash_cuda INTERFACE NASH_CUDNN=1)
    target_include_directories(nash_cuda SYSTEM INTERFACE ${cudnn_include})
    target_link_libraries(nash_cuda INTERFACE ${cudnn_library})
  endif()
endmacro()

# The folder of cudnn.h and the library, for those who want them: NASH_CUDNN_ROOT, or where CUDA is, or the system's places.
function(nash_find_cudnn include_out library_out)
  find_path(NASH_CUDNN_INCLUDE_DIR cudnn.h HINTS ${NASH_CUDNN_ROOT} ${CUDAToolkit_INCLUDE_DIRS} PATH_SUFFIXES include DOC "The folder of cudnn.h")
  find_library(NASH_CUDNN_LIBRARY cudnn HINTS ${NASH_CUDNN_ROOT} ${CUDAToolkit_LIBRARY_DIR} PATH_SUFFIXES lib lib64 DOC "cuDNN's library")
  if(NOT NASH_CUDNN_INCLUDE_DIR OR NOT NASH_CUDNN_LIBRARY)
    message(FATAL_ERROR "nash: NASH_CUDNN is ON, but cuDNN was not found (cudnn.h: ${NASH_CUDNN_INCLUDE_DIR}, library: ${NASH_CUDNN_LIBRARY}).\n"
                        "Set NASH_CUDNN_ROOT to the folder that has its include and lib, or NASH_CUDNN to OFF")
  endif()
  file(STRINGS ${NASH_CUDNN_INCLUDE_DIR}/cudnn_version.h version REGEX "#define CUDNN_MAJOR ")
  string(REGEX REPLACE "[^0-9]" "" version "${version}")
  if(version LESS 9)
    message(FATAL_ERROR "nash: NASH_CUDNN needs cuDNN 9, found ${version} (${NASH_CUDNN_INCLUDE_DIR})")
  endif()
  set(${include_out} ${NASH_CUDNN_INCLUDE_DIR} PARENT_SCOPE)
  set(${library_out} ${NASH_CUDNN_LIBRARY} PARENT_SCOPE)
endfunction()
