#ifndef CAIRN_CLI_IMAGES_H
#define CAIRN_CLI_IMAGES_H
/* Image files named on the command line, alone or by their folder. */
#include "system/file.h"

/* Folders stand for the images directly in them. Everything named must exist.
 * error  CAIRN_E_NOTFOUND: missing, or a folder without images; CAIRN_E_INVALID: two images with one stem, whose
 * outputs would overwrite each other owner  the caller frees with cairn_file_list_free */
cairn_status cairn_cli_images(cairn_file_list *out, const char *const *words);
#endif
