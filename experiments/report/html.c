#include "experiments/report/html.h"

void cairn_html_text(FILE *page, const char *text)
{
    for (; *text; text++) {
        unsigned char c = (unsigned char)*text;
        if (c == '&')
            fputs("&amp;", page);
        else if (c == '<')
            fputs("&lt;", page);
        else if (c == '>')
            fputs("&gt;", page);
        else if (c == '"')
            fputs("&quot;", page);
        else if (c == '\'')
            fputs("&#39;", page);
        else
            fputc(c < 32 && c != '\t' && c != '\n' ? ' ' : c, page);
    }
}

void cairn_html_base64(FILE *page, const uint8_t *bytes, size_t size)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t i = 0; i < size; i += 3) {
        uint32_t v = (uint32_t)bytes[i] << 16;
        if (i + 1 < size) v |= (uint32_t)bytes[i + 1] << 8;
        if (i + 2 < size) v |= bytes[i + 2];
        fputc(digits[v >> 18], page);
        fputc(digits[v >> 12 & 63], page);
        fputc(i + 1 < size ? digits[v >> 6 & 63] : '=', page);
        fputc(i + 2 < size ? digits[v & 63] : '=', page);
    }
}

void cairn_html_duration(char text[32], double seconds)
{
    if (!(seconds >= 0 && seconds < 1e8))
        snprintf(text, 32, "unknown");
    else if (seconds < 10)
        snprintf(text, 32, "%.1f s", seconds);
    else if (seconds < 60)
        snprintf(text, 32, "%.0f s", seconds);
    else if (seconds < 3600)
        snprintf(text, 32, "%d min %d s", (int)seconds / 60, (int)seconds % 60);
    else
        snprintf(text, 32, "%d h %d min", (int)(seconds / 3600), (int)seconds / 60 % 60);
}

/* Strings of C11 end at 4095 bytes, so the style sheet comes in parts. */
static const char *const style[] = {
    ":root{color-scheme:light dark;--bg:#f7f7f5;--card:#fff;--fg:#1d2127;--soft:#59616c;--line:#dfe2e6;--mark:#0c6b54;"
    "--mark-bg:#e4f2ed;--warn:#8a4b00;--warn-bg:#fbf0e0;--s1:#0c7a5f;--s2:#b4530a;--s3:#3d66a8;--s4:#8b929c}\n"
    "@media(prefers-color-scheme:dark){:root{--bg:#111317;--card:#181b20;--fg:#e4e7eb;--soft:#9aa3ae;--line:#2b3038;"
    "--mark:#5fcfa8;--mark-bg:#14291f;--warn:#f0b267;--warn-bg:#2e2314;--s1:#4cc39a;--s2:#f0954d;--s3:#7ea6e8;"
    "--s4:#767e89}}\n"
    "*{box-sizing:border-box}html{scroll-behavior:smooth}\n"
    "@media(prefers-reduced-motion:reduce){html{scroll-behavior:auto}}\n"
    "body{margin:0;background:var(--bg);color:var(--fg);font:16px/1.55 system-ui,-apple-system,\"Segoe UI\",Roboto,"
    "\"Helvetica Neue\",Arial,sans-serif;-webkit-text-size-adjust:100%}\n"
    "main,header.top,nav.top,footer{max-width:76rem;margin:0 auto;padding:0 1.25rem}\n"
    "header.top{padding-top:2.5rem}h1{font-size:clamp(1.7rem,5vw,2.4rem);line-height:1.15;margin:.1rem 0 .6rem;"
    "letter-spacing:-.015em;overflow-wrap:anywhere}\n"
    ".over{margin:0;color:var(--soft);font-size:.9rem}\n"
    "h2{font-size:1.45rem;line-height:1.2;margin:3rem 0 .9rem;letter-spacing:-.01em}h3{font-size:1.08rem;margin:2rem 0 "
    ".6rem}\n"
    "h4{font-size:.95rem;margin:0;font-weight:600}p{margin:.5rem 0;max-width:46rem}.soft{color:var(--soft)}\n"
    "a{color:var(--mark);text-underline-offset:.15em}a:focus-visible,summary:focus-visible,[tabindex]:focus-visible"
    "{outline:3px solid var(--mark);outline-offset:2px;border-radius:4px}\n"
    ".skip{position:absolute;left:-99rem}.skip:focus{left:1rem;top:1rem;background:var(--card);padding:.5rem 1rem}\n"
    "nav.top ul{list-style:none;display:flex;flex-wrap:wrap;gap:.3rem 1.3rem;padding:.8rem 0;margin:1.2rem 0 0;"
    "border-top:1px solid var(--line);border-bottom:1px solid var(--line)}\n",
    ".facts{display:grid;grid-template-columns:repeat(auto-fit,minmax(11rem,1fr));gap:.8rem 2rem;margin:1.2rem 0 0}"
    ".facts div{min-width:0}.facts dt{color:var(--soft);font-size:.85rem}.facts dd{margin:0;overflow-wrap:anywhere}\n"
    ".verdict{border-left:4px solid var(--s4);background:var(--card);border-radius:0 8px 8px 0;padding:.75rem 1.1rem;"
    "margin:.7rem 0;max-width:none}.verdict p{margin:0;max-width:none}.verdict "
    "strong{display:block;font-size:1.08rem}\n"
    ".verdict.good{border-color:var(--mark);background:var(--mark-bg)}.verdict.bad{border-color:var(--warn);"
    "background:var(--warn-bg)}\n"
    ".scroll{overflow-x:auto;background:var(--card);border:1px solid var(--line);border-radius:8px;margin:.8rem 0}\n"
    "table{border-collapse:collapse;width:100%;font-size:.93rem;font-variant-numeric:tabular-nums}"
    "caption{text-align:left;padding:.7rem .9rem .3rem;color:var(--soft);font-size:.88rem}\n"
    "th,td{padding:.45rem .6rem;text-align:right;border-top:1px solid "
    "var(--line);white-space:nowrap;vertical-align:top}"
    "thead "
    "th{border-top:0;white-space:normal;line-height:1.3;color:var(--soft);font-weight:600;vertical-align:bottom}\n"
    "th:first-child,td:first-child{text-align:left;position:sticky;left:0;background:var(--card)}tbody "
    "th{font-weight:500}"
    "td small{display:block;color:var(--soft);font-size:.78rem}td.text,th.text{text-align:left}\n"
    "b.best{color:var(--mark)}.key{display:inline-block;width:.7rem;height:.7rem;border-radius:50%;margin-right:.5rem}"
    "\n"
    ".teacher{background:var(--s1)}.student{background:var(--s2)}.classical{background:var(--s3)}.other{background:var("
    "--s4)}\n",
    ".charts{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(19rem,100%),1fr));gap:1rem}"
    ".charts .first{grid-column:1/-1}\n"
    ".chart,.pictures figure{margin:0;background:var(--card);border:1px solid "
    "var(--line);border-radius:8px;padding:.8rem "
    ".9rem;min-width:0}.chart figcaption{display:flex;justify-content:space-between;gap:1rem;flex-wrap:wrap}"
    ".chart figcaption span{color:var(--soft);font-size:.88rem;font-variant-numeric:tabular-nums}\n"
    "svg{display:block;width:100%;height:auto;margin-top:.4rem;overflow:visible}svg "
    "text{fill:var(--soft);font-size:12px;"
    "font-family:inherit}.grid{stroke:var(--line);stroke-width:1}.raw{fill:none;stroke:var(--s1);opacity:.3;"
    "stroke-width:1}.line,.raw,.grid,.intervals "
    "path{vector-effect:non-scaling-stroke}.line{fill:none;stroke:var(--s1);stroke-width:2;stroke-linejoin:round}.dot{"
    "fill:var(--s1)}.legend "
    ".key{margin-left:.9rem}\n"
    ".bar1{stroke:var(--s1);fill:var(--s1)}.bar2{stroke:var(--s2);fill:var(--s2)}.bar3{stroke:var(--s3);fill:var(--s3)}"
    ".bar4{stroke:var(--s4);fill:var(--s4)}.intervals svg{max-width:42rem}svg "
    "text.name{fill:var(--fg);font-size:14px}svg text.value{fill:var(--fg);"
    "font-size:13px}\n"
    ".pictures{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(30rem,100%),1fr));gap:1rem;align-items:"
    "start}"
    ".pictures .wide{grid-column:1/-1}.pictures img{display:block;width:100%;height:auto;border-radius:4px}"
    ".pictures figcaption{margin-top:.5rem;font-size:.92rem;color:var(--soft)}\n"
    "details{background:var(--card);border:1px solid var(--line);border-radius:8px;margin:.8rem "
    "0}summary{cursor:pointer;"
    "padding:.6rem .9rem}details .scroll{border:0;margin:0}pre{margin:0;padding:.4rem 1rem 1rem;overflow-x:auto;"
    "font:13px/1.5 ui-monospace,SFMono-Regular,Menlo,Consolas,monospace}\n"
    ".none{color:var(--soft);border:1px dashed var(--line);border-radius:8px;padding:.7rem 1rem;max-width:none}\n"
    "footer{margin:4rem auto 2rem;color:var(--soft);font-size:.85rem}\n"
    "@media(max-width:40rem){.first svg text{font-size:24px}svg text.name,.intervals svg text{font-size:18px}}\n"
    "@media(max-width:34rem){header.top{padding-top:1.4rem}h2{margin-top:2.3rem}th,td{padding:.4rem "
    ".6rem}main,header.top,"
    "nav.top,footer{padding-left:.9rem;padding-right:.9rem}}\n"
    "@media print{nav.top,.skip{display:none}body{background:#fff}.chart,.pictures figure,tr{break-inside:avoid}}\n",
};

void cairn_html_begin(FILE *page, const char *title)
{
    fputs("<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
          "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n"
          "<meta name=\"color-scheme\" content=\"light dark\">\n"
          "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; img-src data:; style-src "
          "'unsafe-inline'\">\n<title>",
          page);
    cairn_html_text(page, title);
    fputs("</title>\n<style>\n", page);
    for (size_t i = 0; i < sizeof style / sizeof *style; i++) fputs(style[i], page);
    fputs("</style>\n</head>\n<body>\n<a class=\"skip\" href=\"#summary\">Skip to the summary</a>\n", page);
}

void cairn_html_end(FILE *page)
{
    fputs("</body>\n</html>\n", page);
}
