#include <nash/io/png.hpp>   // the same rank, another folder
#include "nash/kernels/nothing.hpp"
