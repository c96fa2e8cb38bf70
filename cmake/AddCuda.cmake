include(${CMAKE_CURRENT_LIST_DIR}/LookForCudnn.cmake)

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
    nash_look_for_cudnn(cudnn_include cudnn_library)
    target_compile_definitions(nash_cuda INTERFACE NASH_CUDNN=1)
    target_include_directories(nash_cuda SYSTEM INTERFACE ${cudnn_include})
    target_link_libraries(nash_cuda INTERFACE ${cudnn_library})
  endif()
endmacro()
