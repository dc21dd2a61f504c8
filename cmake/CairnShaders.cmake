# Compiles shaders/<family>/<name>[.texel|.simt|.matrix].comp to SPIR-V and embeds all of it as tables of words: the
# library cairn_shaders, whose cairn_shader_table lists name, class, form and words. Shaders in one class only carry it
# in the name. Each is compiled several times (tensor.glsl): for fp32 as usual; for fp16 or, in class texel, tensors of
# any size; in the other classes for tensors of any size. Those of class matrix are compiled in three forms besides
# (shaders/include/tile/matrix_unit.glsl).
find_program(GLSLC glslc REQUIRED)
file(GLOB SHADERS CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/shaders/*/*.comp)
file(GLOB SHADER_INCLUDES CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/shaders/include/*.glsl)
set(SHADER_FOLDER ${CMAKE_BINARY_DIR}/shaders)
set(table_arrays "")
set(table_rows "")
set(words_files "")
add_executable(cairn_spirv_words cmake/spirv_khr_main.c src/gpu/matrix/spirv_khr.c src/base/status.c)
target_include_directories(cairn_spirv_words PRIVATE ${CMAKE_SOURCE_DIR}/src)
target_compile_definitions(cairn_spirv_words PRIVATE _GNU_SOURCE)
target_compile_options(cairn_spirv_words PRIVATE -Wall -Wextra -Werror)

# Adds words (in a file) to the table.
macro(cairn_add_words name class form symbol variant)
  list(APPEND words_files ${SHADER_FOLDER}/${symbol}.inc)
  string(APPEND table_arrays "static const uint32_t ${symbol}[] = {\n#include \"${symbol}.inc\"\n};\n")
  string(APPEND table_rows
         "    {\"${name}\", CAIRN_CLASS_${class}, CAIRN_MATRIX_${form}, ${symbol}, sizeof ${symbol} / 4, "
         "CAIRN_SHADER_${variant}},\n")
endmacro()

# One module of NV matrices becomes two lists of words.
function(cairn_matrix_forms shader symbol define)
  set(module ${SHADER_FOLDER}/${symbol}.spv)
  set(CAIRN_MATRIX_MODULES ${CAIRN_MATRIX_MODULES} ${module} PARENT_SCOPE)
  add_custom_command(
    OUTPUT ${module}
    COMMAND ${GLSLC} --target-env=vulkan1.2 -O ${define} -I ${CMAKE_SOURCE_DIR}/shaders/include
            -MD -MF ${module}.d -o ${module} ${shader}
    DEPENDS ${shader}
    DEPFILE ${module}.d
    COMMENT "shader ${symbol}"
    VERBATIM)
  foreach(form nv khr)
    set(option "")
    if(form STREQUAL khr)
      set(option --khr)
    endif()
    add_custom_command(
      OUTPUT ${SHADER_FOLDER}/${symbol}_${form}.inc
      COMMAND cairn_spirv_words ${option} ${module} ${SHADER_FOLDER}/${symbol}_${form}.inc
      DEPENDS ${module} cairn_spirv_words
      COMMENT "shader ${symbol}, ${form}"
      VERBATIM)
  endforeach()
endfunction()

foreach(shader ${SHADERS})
  file(RELATIVE_PATH relative ${CMAKE_SOURCE_DIR}/shaders ${shader})
  string(REGEX REPLACE "\\.comp$" "" stem ${relative})
  if(stem MATCHES "\\.texel$")
    set(classes texel texel_general)
  elseif(stem MATCHES "\\.simt$")
    set(classes simt simt_general simt_wide)
  elseif(stem MATCHES "\\.matrix$")
    set(classes matrix matrix_general matrix_wide)
  else()
    set(classes texel texel_general simt simt_general simt_wide)
  endif()
  string(REGEX REPLACE "\\.(texel|simt|matrix)$" "" name ${stem})
  foreach(class ${classes})
    string(MAKE_C_IDENTIFIER "${name}_${class}" symbol)
    set(define "")
    set(variant PLAIN)
    set(form NONE)
    set(upper SIMT)
    if(class MATCHES "general$")
      list(APPEND define -DCAIRN_GENERAL=1)
      set(variant GENERAL)
    elseif(class MATCHES "wide$")
      list(APPEND define -DCAIRN_GENERAL=1 -DCAIRN_WIDE=1)
      set(variant WIDE)
    endif()
    if(class MATCHES "^texel")
      list(APPEND define -DCAIRN_TEXEL=1)
      set(upper TEXEL)
    elseif(class MATCHES "^matrix")
      list(APPEND define -DCAIRN_MATRIX=1)
      set(upper MATRIX)
      cairn_matrix_forms(${shader} ${symbol} "${define}")
      cairn_add_words(${name} MATRIX KHR ${symbol}_khr ${variant})
      cairn_add_words(${name} MATRIX NV ${symbol}_nv ${variant})
      string(APPEND symbol _emulated)
      set(form EMULATED)
      list(APPEND define -DCAIRN_MATRIX_EMULATED=1)
    endif()
    set(words ${SHADER_FOLDER}/${symbol}.inc)
    add_custom_command(
      OUTPUT ${words}
      COMMAND ${GLSLC} --target-env=vulkan1.2 -O -mfmt=num ${define} -I ${CMAKE_SOURCE_DIR}/shaders/include
              -MD -MF ${words}.d -o ${words} ${shader}
      DEPENDS ${shader}
      DEPFILE ${words}.d
      COMMENT "shader ${name} (${class})"
      VERBATIM)
    cairn_add_words(${name} ${upper} ${form} ${symbol} ${variant})
  endforeach()
endforeach()
# The include files as text, for kernels that are written at run time (src/gpu/cache/text.h).
set(include_arrays "")
set(include_rows "")
foreach(include ${SHADER_INCLUDES})
  get_filename_component(name ${include} NAME)
  string(MAKE_C_IDENTIFIER "include_${name}" symbol)
  file(READ ${include} bytes HEX)
  string(REGEX REPLACE "([0-9a-f][0-9a-f])" "'\\\\x\\1'," bytes "${bytes}")
  string(APPEND include_arrays "static const char ${symbol}[] = {${bytes}0};\n")
  string(APPEND include_rows "    {\"${name}\", ${symbol}},\n")
  set_property(DIRECTORY ${CMAKE_SOURCE_DIR} APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${include})
endforeach()
file(CONFIGURE OUTPUT ${SHADER_FOLDER}/shader_table.c CONTENT
"/* Made by cmake/CairnShaders.cmake. */
#include \"gpu/shaders.h\"

${table_arrays}
const cairn_shader cairn_shader_table[] = {
${table_rows}    {0},
};

${include_arrays}
const cairn_shader_include cairn_shader_includes[] = {
${include_rows}    {0},
};
" @ONLY)
set_source_files_properties(${SHADER_FOLDER}/shader_table.c PROPERTIES OBJECT_DEPENDS "${words_files}")
add_library(cairn_shaders STATIC ${SHADER_FOLDER}/shader_table.c)
target_include_directories(cairn_shaders PRIVATE ${SHADER_FOLDER} ${CMAKE_SOURCE_DIR}/src)
