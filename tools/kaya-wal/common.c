/* The options that commands share. Each command lists in its own words those that it has; what they do is done here. */
#include <errno.h>
#include <inttypes.h>

#include "tool.h"

static error_t take_path(struct kaya_common *common, char *argument, struct argp_state *state)
{
    if (common->path) {
        argp_error(state, "one %s, please: '%s' is too much", common->takes_segment ? "path" : "directory",
                   argument);
        return EINVAL;
    }
    common->path = argument;
    return 0;
}

static error_t take_anchor(struct kaya_common *common, const char *argument, struct argp_state *state)
{
    common->has_anchor = kaya_parse_anchor(argument, &common->anchor);
    if (common->has_anchor)
        return 0;
    argp_error(state, "--anchor: '%s' is not 32 hex digits, a colon and an LSN", argument);
    return EINVAL;
}

error_t kaya_parse_size_option(struct argp_state *state, const char *name, const char *text, uint64_t max,
                               uint64_t *bytes)
{
    if (kaya_parse_size(text, bytes) && *bytes > 0 && *bytes <= max)
        return 0;
    argp_error(state, "--%s: '%s' is not a size from 1 to %" PRIu64 " bytes (as 65536 or 64K)", name, text, max);
    return EINVAL;
}

error_t kaya_parse_lsn(struct argp_state *state, const char *name, const char *text, uint64_t *lsn)
{
    if (kaya_parse_number(text, lsn) && *lsn > 0)
        return 0;
    argp_error(state, "%s'%s' is not an LSN; LSNs are counted from 1", name, text);
    return EINVAL;
}

error_t kaya_parse_common(int key, char *argument, struct argp_state *state, struct kaya_common *common)
{
    switch (key) {
    case KAYA_OPTION_ANCHOR:
        return take_anchor(common, argument, state);
    case KAYA_OPTION_JSON:
        common->json = true;
        return 0;
    case KAYA_OPTION_VERBOSE:
        common->verbose = true;
        return 0;
    case ARGP_KEY_ARG:
        return take_path(common, argument, state);
    case ARGP_KEY_END:
        if (common->path)
            return 0;
        argp_error(state, common->takes_segment ? "which directory or segment?" : "which directory?");
        return EINVAL;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}
