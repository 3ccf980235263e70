/* kaya-sim run. */
#include "sim.h"

static void show(void *user, const struct kaya_sim_outcome *outcome)
{
    const struct kaya_sim_campaign *campaign = user;

    if (campaign->json) {
        kaya_sim_print_json(outcome, stdout);
    } else {
        kaya_sim_print_row(outcome, stdout);
        kaya_sim_print_notes(outcome, stdout);
    }
}

int kaya_sim_run(int argc, char **argv)
{
    static const char doc[] =
        "Run scenarios over many seeds on the simulated disk and check every promise. Without a name: all of them."
        "\vEach seed is one run: a log, a workload, crashes, recoveries. A run that breaks a promise prints what was "
        "promised, what was found, the last events, and one line for `kaya-sim replay`.\n\n"
        "`faults` counts the kinds of fault that the scenario declares and how many changed a byte or a result; "
        "`records` those that were appended.\n\n"
        "Exit codes: 0 all promises held; 1 one was broken; 2 usage; 3 two runs of one seed differed; 4 a fault "
        "that the scenario declares did not strike, or what it says happens sometimes did not, within its "
        "expect_struck_within runs.\n\n"
        "  kaya-sim run power-loss --seeds 100000\n"
        "  kaya-sim run everything --time 3600 --json | jq .violations";
    struct kaya_sim_campaign campaign;
    int code;

    if (!kaya_sim_campaign_parse(&campaign, doc, argc, argv))
        return KAYA_SIM_USAGE;
    campaign.has_heading = !campaign.json;
    code = kaya_sim_campaign_run(&campaign, show, &campaign);
    if (!campaign.json && code == KAYA_SIM_HELD)
        printf("\nEvery promise held: nothing acknowledged was lost, nothing was invented, nothing needed a person.\n");
    return kaya_sim_flush() ? code : KAYA_SIM_USAGE;
}
