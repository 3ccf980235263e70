/* KAYA_ASSERT, as provers see it: a place that nothing may reach. */
/*@ requires no_assertion_fails: \false;
    assigns \nothing;
    ensures \false; */
void __builtin_trap(void);
