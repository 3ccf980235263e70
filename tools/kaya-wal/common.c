/* The options that commands share. Each command lists in its own words those that it has; what they do is done here. */
#include "tool.h"

static void take_path(struct kaya_common *common, char *argument, struct argp_state *state)
{
    if (common->path)
        argp_error(state, "one %s, please: '%s' is too much", common->takes_segment ? "path" : "directory",
                   argument);
    common->path = argument;
}

error_t kaya_parse_common(int key, char *argument, struct argp_state *state, struct kaya_common *common)
{
    switch (key) {
    case KAYA_OPTION_ANCHOR:
        if (!kaya_parse_anchor(argument, &common->anchor))
            argp_error(state, "--anchor: '%s' is not 32 hex digits, a colon and an LSN", argument);
        common->has_anchor = true;
        return 0;
    case KAYA_OPTION_JSON:
        common->json = true;
        return 0;
    case KAYA_OPTION_VERBOSE:
        common->verbose = true;
        return 0;
    case ARGP_KEY_ARG:
        take_path(common, argument, state);
        return 0;
    case ARGP_KEY_END:
        if (!common->path)
            argp_error(state, common->takes_segment ? "which directory or segment?" : "which directory?");
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}
