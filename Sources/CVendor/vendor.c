#include "CVendor.h"
