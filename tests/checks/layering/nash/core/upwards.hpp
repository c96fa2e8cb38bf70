#include "nash/tensor/tensor.hpp"   // a higher rank
