#include "nash/nash.hpp"
