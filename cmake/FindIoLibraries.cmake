# The libraries of nash::io; used by nash's own build and by the installed package.

# Looks for them and stores the names of those that are missing.
macro(nash_find_io_libraries missing)
  set(${missing} "")
  foreach(library ZLIB PNG GIF)
    find_package(${library} QUIET)
    if(NOT ${library}_FOUND)
      list(APPEND ${missing} ${library})
    endif()
  endforeach()
endmacro()
