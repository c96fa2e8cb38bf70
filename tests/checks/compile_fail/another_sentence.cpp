// expect: the planted sentence
// The check must complain: the sentence is in the line that the compiler quotes, not in what it says.
int main() {
#if NASH_COMPILE_FAIL
  undeclared("the planted sentence");
#endif
}
