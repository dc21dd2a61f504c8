# Embeds the style sheet and the script of the report's page: the library cairn_page, whose texts carry their SHA-256,
# by which the page's security policy allows them and nothing else.
set(page_texts "")
foreach(part css js)
  set(file ${CMAKE_SOURCE_DIR}/experiments/report/page/page.${part})
  file(READ ${file} bytes HEX)
  string(REGEX REPLACE "([0-9a-f][0-9a-f])" "'\\\\x\\1'," bytes "${bytes}")
  file(SHA256 ${file} hash)
  string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," hash "${hash}")
  string(APPEND page_texts "static const char text_${part}[] = {${bytes}0};\n"
         "const cairn_page_part cairn_page_${part} = {text_${part}, {${hash}}};\n")
  set_property(DIRECTORY ${CMAKE_SOURCE_DIR} APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${file})
endforeach()
set(PAGE_TEXTS ${CMAKE_BINARY_DIR}/page/page_texts.c)
file(CONFIGURE OUTPUT ${PAGE_TEXTS} CONTENT
"/* Made by cmake/CairnPage.cmake. */
#include \"experiments/report/page/html.h\"

${page_texts}" @ONLY)
add_library(cairn_page STATIC ${PAGE_TEXTS})
target_include_directories(cairn_page PRIVATE ${CMAKE_SOURCE_DIR}/src ${CMAKE_SOURCE_DIR})
