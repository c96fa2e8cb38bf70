// expect: static assertion failed
// The check must complain: nothing here fails to compile.
int main() {
#if NASH_COMPILE_FAIL
  static_assert(true, "static assertion failed");
#endif
}
