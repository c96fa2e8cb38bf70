# What `cmake --install` copies: the headers, and the package that find_package(nash) reads.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

set(package_dir ${CMAKE_INSTALL_DATADIR}/cmake/nash)

install(DIRECTORY ${PROJECT_SOURCE_DIR}/include/nash DESTINATION include)

install(TARGETS nash EXPORT nash-targets)
install(EXPORT nash-targets NAMESPACE nash:: DESTINATION ${package_dir})
if(TARGET nash::io)
  install(TARGETS nash_io EXPORT nash-io-targets)
  install(EXPORT nash-io-targets NAMESPACE nash:: DESTINATION ${package_dir})
endif()
if(TARGET nash::cuda)
  install(TARGETS nash_cuda EXPORT nash-cuda-targets)
  install(EXPORT nash-cuda-targets NAMESPACE nash:: DESTINATION ${package_dir})
endif()

configure_package_config_file(${PROJECT_SOURCE_DIR}/cmake/nash-config.cmake.in ${PROJECT_BINARY_DIR}/nash-config.cmake
                              INSTALL_DESTINATION ${package_dir} NO_SET_AND_CHECK_MACRO)
write_basic_package_version_file(${PROJECT_BINARY_DIR}/nash-config-version.cmake COMPATIBILITY SameMinorVersion
                                 ARCH_INDEPENDENT)
install(FILES ${PROJECT_BINARY_DIR}/nash-config.cmake ${PROJECT_BINARY_DIR}/nash-config-version.cmake
              ${PROJECT_SOURCE_DIR}/cmake/FindIoLibraries.cmake
        DESTINATION ${package_dir})
