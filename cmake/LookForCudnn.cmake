# cuDNN 9 for those who want it: NASH_CUDNN_ROOT and nowhere else, or where CUDA is, or the system's places.
#
#   nash_look_for_cudnn(include_out library_out)    the folder of cudnn.h, and the library; an error says what is missing
#
# A root is a folder with include and lib, as archives from NVIDIA have them, or pip's nvidia/cudnn, where the library has no name but that
# with its version.
function(nash_look_for_cudnn include_out library_out)
  set(where HINTS ${CUDAToolkit_INCLUDE_DIRS} ${CUDAToolkit_LIBRARY_DIR})
  if(NASH_CUDNN_ROOT)
    set(where PATHS ${NASH_CUDNN_ROOT} NO_DEFAULT_PATH)   # not the header of one and the library of another
  endif()
  find_path(NASH_CUDNN_INCLUDE_DIR cudnn.h ${where} PATH_SUFFIXES include DOC "The folder of cudnn.h")
  find_library(NASH_CUDNN_LIBRARY NAMES cudnn libcudnn.so.9 ${where} PATH_SUFFIXES lib lib64 DOC "cuDNN's library")
  set(remedy "Set NASH_CUDNN_ROOT to the folder that has its include and lib, such as that of NVIDIA's archive or nvidia/cudnn among pip's packages "
             "(nvidia-cudnn-cu13), or NASH_CUDNN to OFF")
  string(CONCAT remedy ${remedy})
  if(NOT NASH_CUDNN_INCLUDE_DIR OR NOT EXISTS ${NASH_CUDNN_INCLUDE_DIR}/cudnn_version.h)
    message(FATAL_ERROR "nash: NASH_CUDNN is ON, but cuDNN 9 was not found: no cudnn.h and cudnn_version.h beside it (${NASH_CUDNN_INCLUDE_DIR}).\n${remedy}")
  endif()
  file(STRINGS ${NASH_CUDNN_INCLUDE_DIR}/cudnn_version.h version REGEX "#define CUDNN_MAJOR ")
  string(REGEX REPLACE "[^0-9]" "" version "${version}")
  if(NOT version EQUAL 9)
    message(FATAL_ERROR "nash: NASH_CUDNN needs cuDNN 9, found ${version} (${NASH_CUDNN_INCLUDE_DIR}).\n${remedy}")
  endif()
  if(NOT NASH_CUDNN_LIBRARY)
    message(FATAL_ERROR "nash: NASH_CUDNN is ON, and there is ${NASH_CUDNN_INCLUDE_DIR}/cudnn.h, but no libcudnn.so with it.\n${remedy}")
  endif()
  set(${include_out} ${NASH_CUDNN_INCLUDE_DIR} PARENT_SCOPE)
  set(${library_out} ${NASH_CUDNN_LIBRARY} PARENT_SCOPE)
endfunction()
