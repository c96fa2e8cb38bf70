#include "nash/io/png.hpp"   // needs libpng
