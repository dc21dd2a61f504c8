# Compiles shaders/<family>/<name>[.texel|.simt].comp to SPIR-V and embeds all of it as tables of words: the library
# cairn_shaders, whose cairn_shader_table lists name, class and words. Shaders in one class only carry it in the name.
# Each is compiled twice: for fp32 as usual, and for fp16 or, in class texel, tensors of any size (tensor.glsl).
find_program(GLSLC glslc REQUIRED)
file(GLOB SHADERS CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/shaders/*/*.comp)
file(GLOB SHADER_INCLUDES CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/shaders/include/*)
set(SHADER_FOLDER ${CMAKE_BINARY_DIR}/shaders)
set(table_arrays "")
set(table_rows "")
set(words_files "")
foreach(shader ${SHADERS})
  file(RELATIVE_PATH relative ${CMAKE_SOURCE_DIR}/shaders ${shader})
  string(REGEX REPLACE "\\.comp$" "" stem ${relative})
  if(stem MATCHES "\\.texel$")
    set(classes texel texel_general)
  elseif(stem MATCHES "\\.simt$")
    set(classes simt simt_general)
  else()
    set(classes texel texel_general simt simt_general)
  endif()
  string(REGEX REPLACE "\\.(texel|simt)$" "" name ${stem})
  foreach(class ${classes})
    string(MAKE_C_IDENTIFIER "${name}_${class}" symbol)
    set(words ${SHADER_FOLDER}/${symbol}.inc)
    set(define "")
    set(general false)
    set(upper SIMT)
    if(class MATCHES "^texel")
      list(APPEND define -DCAIRN_TEXEL=1)
      set(upper TEXEL)
    endif()
    if(class MATCHES "general$")
      list(APPEND define -DCAIRN_GENERAL=1)
      set(general true)
    endif()
    add_custom_command(
      OUTPUT ${words}
      COMMAND ${GLSLC} --target-env=vulkan1.2 -O -mfmt=num ${define} -I ${CMAKE_SOURCE_DIR}/shaders/include
              -MD -MF ${words}.d -o ${words} ${shader}
      DEPENDS ${shader} ${SHADER_INCLUDES}
      COMMENT "shader ${name} (${class})"
      VERBATIM)
    list(APPEND words_files ${words})
    string(APPEND table_arrays "static const uint32_t ${symbol}[] = {\n#include \"${symbol}.inc\"\n};\n")
    string(APPEND table_rows "    {\"${name}\", CAIRN_CLASS_${upper}, ${symbol}, sizeof ${symbol} / 4, ${general}},\n")
  endforeach()
endforeach()
# The include files as text, for kernels that are written at run time (src/gpu/text.h).
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
