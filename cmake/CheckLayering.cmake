# Checks the order of the headers: a header includes only lower ranks and its own folder.
#
#   cmake -DINCLUDE_DIR=<folder that holds nash/> -P cmake/CheckLayering.cmake
cmake_minimum_required(VERSION 3.24)

set(ranks
  "0 core"
  "1 tensor"
  "2 kernels"
  "3 nn" "3 io"
  "4 optim" "4 loss"
  "5 model"
  "6 train" "6 sample" "6 data" "6 metrics" "6 testing"
  "7 method")
set(only_io "core;tensor;io")                       # io/ knows tensors, not networks
set(umbrellas nash.hpp io.hpp cuda.hpp)             # include anything, and no header includes them
set(included_alone testing)                         # folders that no umbrella need include
set(conditions_allowed nash/core/platform.hpp)      # the one header with preprocessor conditions
set(libraries_of_io "zlib\\.h|png\\.h|gif_lib\\.h")   # not for those who include only nash/nash.hpp

foreach(entry ${ranks})
  string(REPLACE " " ";" entry ${entry})
  list(GET entry 0 rank)
  list(GET entry 1 folder)
  set(rank_of_${folder} ${rank})
endforeach()

set(violations "")
macro(violation text)
  string(APPEND violations "\n  ${text}")
endmacro()

# What a header includes: "nash/..." into <out>, other headers into <out>_others.
function(read_includes header out)
  set(own "")
  set(others "")
  file(STRINGS ${INCLUDE_DIR}/${header} lines REGEX "^[ \t]*#[ \t]*include")
  foreach(line ${lines})
    string(REGEX REPLACE "^[ \t]*#[ \t]*include[ \t]*[<\"]([^>\"]*).*" "\\1" path "${line}")
    if(path MATCHES "^nash/" OR line MATCHES "include[ \t]*\"")
      list(APPEND own ${path})
    else()
      list(APPEND others ${path})
    endif()
  endforeach()
  set(${out} ${own} PARENT_SCOPE)
  set(${out}_others ${others} PARENT_SCOPE)
endfunction()

# All headers that those in `out` include, and theirs; so does out_others.
function(read_closure out)
  set(todo ${ARGN})
  set(seen ${ARGN})
  set(others "")
  while(todo)
    list(POP_FRONT todo header)
    if(NOT EXISTS ${INCLUDE_DIR}/${header})
      continue()
    endif()
    read_includes(${header} includes)
    foreach(other ${includes_others})
      list(APPEND others "${other} (in ${header})")
    endforeach()
    list(REMOVE_ITEM includes ${seen})
    list(APPEND todo ${includes})
    list(APPEND seen ${includes})
  endwhile()
  set(${out} ${seen} PARENT_SCOPE)
  set(${out}_others ${others} PARENT_SCOPE)
endfunction()

file(GLOB_RECURSE headers RELATIVE ${INCLUDE_DIR} ${INCLUDE_DIR}/nash/*.hpp)
list(LENGTH headers count)
if(count EQUAL 0)
  message(FATAL_ERROR "no headers in ${INCLUDE_DIR}/nash")
endif()

foreach(header ${headers})
  string(REGEX REPLACE "^nash/([^/]+).*" "\\1" folder ${header})
  read_includes(${header} includes)

  file(STRINGS ${INCLUDE_DIR}/${header} conditions REGEX "^[ \t]*#[ \t]*if")
  if(conditions AND NOT header IN_LIST conditions_allowed)
    violation("${header} has preprocessor conditions; they belong into ${conditions_allowed}")
  endif()

  if(NOT DEFINED rank_of_${folder} AND NOT folder IN_LIST umbrellas)
    violation("${header} is in no folder of the table in cmake/CheckLayering.cmake")
    continue()
  endif()

  foreach(path ${includes})
    string(REGEX REPLACE "^nash/([^/]+).*" "\\1" target ${path})
    if(NOT path MATCHES "^nash/" OR path MATCHES "\\.\\./")
      violation("${header} includes \"${path}\"; headers of nash are included by their whole path, \"nash/...\"")
    elseif(NOT EXISTS ${INCLUDE_DIR}/${path})
      violation("${header} includes ${path}, which does not exist")
    elseif(folder IN_LIST umbrellas OR target STREQUAL folder)
      continue()
    elseif(target IN_LIST umbrellas)
      violation("${header} includes ${path}, which is for users only")
    elseif(NOT DEFINED rank_of_${target})
      continue()   # reported with that header
    elseif(NOT rank_of_${target} LESS rank_of_${folder})
      violation("${header} (rank ${rank_of_${folder}}) includes ${path} (rank ${rank_of_${target}})")
    elseif(DEFINED only_${folder} AND NOT target IN_LIST only_${folder})
      violation("${header} includes ${path}; ${folder}/ may include only those of ${only_${folder}}")
    endif()
  endforeach()
endforeach()

# nash/nash.hpp must not need the libraries of nash::io, and every header must be reached from some umbrella.
if(EXISTS ${INCLUDE_DIR}/nash/nash.hpp)
  read_closure(reached nash/nash.hpp)
  foreach(other ${reached_others})
    if(other MATCHES "^(${libraries_of_io})")
      violation("nash/nash.hpp reaches ${other}, which only nash/io.hpp may")
    endif()
  endforeach()

  # Headers that a macro of platform.hpp names are included by that macro.
  set(named "")
  foreach(header ${conditions_allowed})
    if(EXISTS ${INCLUDE_DIR}/${header})
      file(STRINGS ${INCLUDE_DIR}/${header} lines REGEX "^#define NASH_[A-Z_]+ \"nash/")
      list(TRANSFORM lines REPLACE ".*\"(nash/[^\"]*)\".*" "\\1")
      list(APPEND named ${lines})
    endif()
  endforeach()
  read_closure(reached nash/nash.hpp nash/io.hpp nash/cuda.hpp ${named})
  foreach(header ${headers})
    string(REGEX REPLACE "^nash/([^/]+).*" "\\1" folder ${header})
    if(NOT header IN_LIST reached AND NOT folder IN_LIST umbrellas AND NOT folder IN_LIST included_alone)
      violation("${header} is reached from none of nash/nash.hpp, nash/io.hpp and nash/cuda.hpp")
    endif()
  endforeach()
endif()

if(violations)
  message(FATAL_ERROR "layering violated:${violations}")
endif()
message("${count} headers in order")
