// expect: the planted sentence
// The check must complain: the error is not in the part that must not compile.
static_assert(sizeof(int) == 0, "the planted sentence");
int main() {}
