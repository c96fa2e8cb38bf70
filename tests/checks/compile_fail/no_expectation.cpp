// The check must complain: nobody says what the compiler is to print.
int main() {
#if NASH_COMPILE_FAIL
  undeclared();
#endif
}
