# Embeds experiments/recipes/*.yaml: the library cairn_recipes, whose cairn_bundled_recipes lists name and text.
file(GLOB RECIPES CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/experiments/recipes/*.yaml)
set(recipe_arrays "")
set(recipe_rows "")
foreach(recipe ${RECIPES})
  get_filename_component(name ${recipe} NAME_WE)
  string(MAKE_C_IDENTIFIER "recipe_${name}" symbol)
  file(READ ${recipe} bytes HEX)
  string(REGEX REPLACE "([0-9a-f][0-9a-f])" "'\\\\x\\1'," bytes "${bytes}")
  string(APPEND recipe_arrays "static const char ${symbol}[] = {${bytes}0};\n")
  string(APPEND recipe_rows "    {\"${name}\", ${symbol}},\n")
  set_property(DIRECTORY ${CMAKE_SOURCE_DIR} APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${recipe})
endforeach()
set(RECIPE_TABLE ${CMAKE_BINARY_DIR}/recipes/recipe_table.c)
file(CONFIGURE OUTPUT ${RECIPE_TABLE} CONTENT
"/* Made by cmake/CairnRecipes.cmake. */
#include \"experiments/run/recipe.h\"

${recipe_arrays}
const cairn_bundled_recipe cairn_bundled_recipes[] = {
${recipe_rows}    {0},
};
" @ONLY)
add_library(cairn_recipes STATIC ${RECIPE_TABLE})
target_include_directories(cairn_recipes PRIVATE ${CMAKE_SOURCE_DIR}/src ${CMAKE_SOURCE_DIR})
