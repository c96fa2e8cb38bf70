// expect: the first sentence
// expect: the second sentence
// The check must complain: one of the two is not said.
int main() {
#if NASH_COMPILE_FAIL
  static_assert(sizeof(int) == 0, "the first sentence");
#endif
}
