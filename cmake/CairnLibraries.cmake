# The libraries of docs/dependencies.md, as one interface target.
find_package(PkgConfig REQUIRED)
set(THREADS_PREFER_PTHREAD_FLAG ON)
find_package(Threads REQUIRED)
add_library(cairn_libraries INTERFACE)
target_link_libraries(cairn_libraries INTERFACE Threads::Threads ${CMAKE_DL_LIBS})
foreach(module yaml-0.1 libcjson libzip lapacke openblas cairo)
  pkg_check_modules(${module} REQUIRED IMPORTED_TARGET ${module})
  target_link_libraries(cairn_libraries INTERFACE PkgConfig::${module})
endforeach()
# volk and stb are headers that one source file each turns into code: nothing to link.
find_library(VLFEAT_LIBRARY NAMES vl REQUIRED)
target_link_libraries(cairn_libraries INTERFACE ${VLFEAT_LIBRARY} m)
