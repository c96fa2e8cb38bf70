#include "device.hpp"   // not the whole path
#if 1
#endif
