# What policies of one's own are built against, the install component "policy": find_package(Spindle COMPONENTS policy)
# then gives the target Spindle::policy, which is headers alone. It works in the folder of a build, too.
#   cmake --install BUILD --component policy --prefix PREFIX
add_library(spindle_policy_headers INTERFACE)
set_target_properties(spindle_policy_headers PROPERTIES EXPORT_NAME policy)
target_include_directories(spindle_policy_headers INTERFACE $<BUILD_INTERFACE:${CMAKE_SOURCE_DIR}/include>
                           $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
target_compile_features(spindle_policy_headers INTERFACE cxx_std_20)
# What a library does not hand out stays its own, also when it is loaded a second time.
target_compile_options(spindle_policy_headers INTERFACE -fvisibility=hidden)

install(TARGETS spindle_policy_headers EXPORT SpindlePolicyTargets COMPONENT policy)
install(EXPORT SpindlePolicyTargets NAMESPACE Spindle:: DESTINATION ${package_dir} COMPONENT policy)
export(EXPORT SpindlePolicyTargets NAMESPACE Spindle:: FILE ${CMAKE_BINARY_DIR}/SpindlePolicyTargets.cmake)
foreach(header IN ITEMS policy/plugin policy/arm_policy policy/replacement_policy policy/victim_reason policy/fit_policy
                        policy/cpu_policy base/check base/clock base/id base/result)
  get_filename_component(layer ${header} DIRECTORY)
  install(FILES ${CMAKE_SOURCE_DIR}/include/spindle/${header}.h
          DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/spindle/${layer} COMPONENT policy)
endforeach()
install(FILES ${CMAKE_BINARY_DIR}/SpindleConfig.cmake ${CMAKE_BINARY_DIR}/SpindleConfigVersion.cmake
        DESTINATION ${package_dir} COMPONENT policy)
