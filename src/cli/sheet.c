#include "cli/sheet.h"

#include "system/file.h"

#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

cairn_status cairn_cli_contest_open_methods(cairn_cli_contest *out, const cairn_cli_evaluation *options)
{
    cairn_status st = CAIRN_OK;
    *out = (cairn_cli_contest){.options = options};
    if (!options->model[0] && !options->baselines[0])
        CAIRN_TRY(cairn_error_set(CAIRN_E_INVALID, "command line: --model FILE is missing"));
    CAIRN_TRY(cairn_protocol_find(&out->protocol, "recommended", "command line"));
    if (options->out[0]) CAIRN_TRY(cairn_file_make_folder(options->out)); /* before the work */
    CAIRN_TRY(cairn_cli_contest_add_methods(out));
done:
    return st;
}

cairn_status cairn_cli_sheet_finish(cairn_sheet *sheet, const cairn_cli_contest *c)
{
    cairn_status st = CAIRN_OK;
    const bool terminal = isatty(STDOUT_FILENO) == 1;
    struct winsize size = {0};
    int columns = 100;
    char *text = NULL;
    if (terminal && ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col >= 40) columns = size.ws_col;
    if (c->gpu) {
        const cairn_gpu_info *info = cairn_gpu_get_info(c->gpu);
        snprintf(sheet->device, sizeof sheet->device, "%s", info->name);
        snprintf(sheet->driver, sizeof sheet->driver, "%s", info->driver);
    }
    CAIRN_TRY(cairn_sheet_table(&text, sheet, columns < 200 ? columns : 200, terminal));
    fputs(text, stdout);
    if (c->options->out[0]) CAIRN_TRY(cairn_sheet_write(sheet, c->options->out));
done:
    free(text);
    return st;
}
