#include "nash/kernels/gemm.hpp"   // a lower rank, but io/ knows only tensors
