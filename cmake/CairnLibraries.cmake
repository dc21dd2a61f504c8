# The libraries of docs/dependencies.md, as one interface target.
find_package(PkgConfig REQUIRED)
set(THREADS_PREFER_PTHREAD_FLAG ON)
find_package(Threads REQUIRED)
add_library(cairn_libraries INTERFACE)
set(shared_modules libcjson libzip cairo)

# The portable build links statically what Debian has as static libraries; the rest is carried along as files
# (cmake/CairnInstall.cmake).
if(CAIRN_PORTABLE)
  foreach(module yaml-0.1 lapacke openblas)
    pkg_check_modules(${module} REQUIRED ${module})
    target_include_directories(cairn_libraries SYSTEM INTERFACE ${${module}_INCLUDE_DIRS})
    list(APPEND static_folders ${${module}_LIBRARY_DIRS})
  endforeach()
  foreach(library yaml lapacke openblas)
    find_library(STATIC_${library} NAMES lib${library}.a HINTS ${static_folders} PATH_SUFFIXES openblas-pthread
                 REQUIRED)
    target_link_libraries(cairn_libraries INTERFACE ${STATIC_${library}})
  endforeach()
  # OpenBLAS is partly Fortran; its run-time library is beside the compiler's.
  foreach(library gfortran quadmath)
    execute_process(COMMAND ${CMAKE_C_COMPILER} -print-file-name=lib${library}.a OUTPUT_VARIABLE file
                    OUTPUT_STRIP_TRAILING_WHITESPACE)
    target_link_libraries(cairn_libraries INTERFACE ${file})
  endforeach()
  target_link_options(cairn_libraries INTERFACE -static-libgcc)
else()
  list(PREPEND shared_modules yaml-0.1 lapacke openblas)
endif()

foreach(module ${shared_modules})
  pkg_check_modules(${module} REQUIRED IMPORTED_TARGET ${module})
  target_link_libraries(cairn_libraries INTERFACE PkgConfig::${module})
endforeach()
# volk and stb are headers that one source file each turns into code: nothing to link.
find_library(VLFEAT_LIBRARY NAMES vl REQUIRED)
target_link_libraries(cairn_libraries INTERFACE ${VLFEAT_LIBRARY} Threads::Threads ${CMAKE_DL_LIBS} m)
# shaderc, always static: Debian's libshaderc.so lacks the glslang inside it and names no library for it, so that
# nothing links against it. Its pkg-config file has the version, which is part of the name under which the kernels that
# it compiles are kept (src/gpu/cache/text.c).
pkg_check_modules(SHADERC_VERSION REQUIRED shaderc)
foreach(library shaderc_combined glslang MachineIndependent OGLCompiler OSDependent GenericCodeGen SPIRV SPIRV-Tools-opt
    SPIRV-Tools)
  find_library(STATIC_${library} NAMES lib${library}.a REQUIRED)
  target_link_libraries(cairn_libraries INTERFACE ${STATIC_${library}})
endforeach()
if(CAIRN_PORTABLE)
  execute_process(COMMAND ${CMAKE_C_COMPILER} -print-file-name=libstdc++.a OUTPUT_VARIABLE file
                  OUTPUT_STRIP_TRAILING_WHITESPACE)
  target_link_libraries(cairn_libraries INTERFACE ${file} m)
else()
  target_link_libraries(cairn_libraries INTERFACE stdc++ m)
endif()
target_compile_definitions(cairn_libraries INTERFACE CAIRN_SHADERC_VERSION="${SHADERC_VERSION_VERSION}")
