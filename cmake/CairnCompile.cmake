# Warnings, sanitizers, and one static library for each room.
function(cairn_compile_options target)
  target_include_directories(${target} PUBLIC ${CMAKE_SOURCE_DIR}/src ${CMAKE_SOURCE_DIR})
  target_compile_definitions(${target} PRIVATE _GNU_SOURCE CAIRN_VERSION="${PROJECT_VERSION}")
  target_compile_options(${target} PRIVATE -Wall -Wextra -Werror -Wshadow -Wstrict-prototypes -Wmissing-prototypes
                                           -Wvla -fno-math-errno)
  if(CAIRN_SANITIZE)
    target_compile_options(${target} PRIVATE -fsanitize=address,undefined -fno-omit-frame-pointer
                                             -fno-sanitize-recover=undefined)
    target_link_options(${target} PUBLIC -fsanitize=address,undefined)
  endif()
endfunction()

# cairn_room(name needs...): all .c files below the folder, without src/cli, which is the program.
function(cairn_room name)
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/${name}/*.c)
  list(FILTER sources EXCLUDE REGEX "/src/cli/")
  if(NOT sources)
    add_library(cairn_${name} INTERFACE)
    target_link_libraries(cairn_${name} INTERFACE ${ARGN})
    return()
  endif()
  add_library(cairn_${name} STATIC ${sources})
  target_link_libraries(cairn_${name} PUBLIC ${ARGN} cairn_libraries)
  cairn_compile_options(cairn_${name})
endfunction()
