# The thread library as a package of its own, the install component "thread": find_package(Spindle) then gives the target
# Spindle::thread, with the layers below it, and needs neither FUSE nor anything else of Spindle.
#   cmake --install BUILD --component thread --prefix PREFIX
include(CMakePackageConfigHelpers)

# Whoever includes the headers must be as new as they are.
target_compile_features(spindle_base PUBLIC cxx_std_20)

# Not "policy": those are the headers alone (PolicyPackage.cmake).
set_target_properties(spindle_policy PROPERTIES EXPORT_NAME policies)

set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/Spindle)
install(TARGETS spindle_base spindle_policy spindle_thread EXPORT SpindleTargets
        ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT thread)
install(EXPORT SpindleTargets NAMESPACE Spindle:: DESTINATION ${package_dir} COMPONENT thread)
foreach(layer IN ITEMS base policy thread)
  install(DIRECTORY ${CMAKE_SOURCE_DIR}/include/spindle/${layer} DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/spindle
          COMPONENT thread FILES_MATCHING PATTERN "*.h")
endforeach()
configure_package_config_file(${CMAKE_SOURCE_DIR}/cmake/SpindleConfig.cmake.in ${CMAKE_BINARY_DIR}/SpindleConfig.cmake
                              INSTALL_DESTINATION ${package_dir})
write_basic_package_version_file(${CMAKE_BINARY_DIR}/SpindleConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_BINARY_DIR}/SpindleConfig.cmake ${CMAKE_BINARY_DIR}/SpindleConfigVersion.cmake
        DESTINATION ${package_dir} COMPONENT thread)
install(FILES ${CMAKE_SOURCE_DIR}/src/thread/gdb_threads.py DESTINATION ${CMAKE_INSTALL_DATADIR}/spindle
        COMPONENT thread)
