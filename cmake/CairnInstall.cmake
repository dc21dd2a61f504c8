# cmake --install build/PRESET --prefix DIR: the program. A portable build takes its shared libraries along into
# DIR/lib, except libc and the Vulkan loader, which belong to the machine that it runs on.
include(GNUInstallDirs)
if(CAIRN_PORTABLE)
  set_target_properties(cairn PROPERTIES INSTALL_RPATH "$ORIGIN/../lib")
  # Old-style RPATH holds for the libraries of the libraries too.
  target_link_options(cairn PRIVATE -Wl,--disable-new-dtags)
  install(TARGETS cairn RUNTIME_DEPENDENCY_SET cairn_needs RUNTIME DESTINATION bin)
  install(RUNTIME_DEPENDENCY_SET cairn_needs PRE_EXCLUDE_REGEXES "^ld-linux" "^lib(c|m|dl|rt|pthread)\\.so" "^libvulkan"
          LIBRARY DESTINATION lib)
else()
  install(TARGETS cairn RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
endif()
