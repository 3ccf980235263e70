/* One form for every mistake: "FILE:LINE: KEY: what is wrong; allowed: ...". */
#include "mistake.h"

#include <stdio.h>

enum kaya_status kaya_scenario_mistaken(struct kaya_scenario_mistake *mistake, const char *file_name,
                                        unsigned line, const char *key, const char *wrong, const char *allowed)
{
    mistake->line = line;
    snprintf(mistake->key, sizeof mistake->key, "%s", key);
    snprintf(mistake->text, sizeof mistake->text, "%s:%u: %s%s%s%s%s", file_name, line, key,
             key[0] == '\0' ? "" : ": ", wrong, allowed[0] == '\0' ? "" : "; allowed: ", allowed);
    return KAYA_INVALID;
}
