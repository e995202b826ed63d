"""Save a layer of a GeoPackage as QGIS does ("Save features as…"). Run by the Python that QGIS belongs to.

python3 qgis_saved.py FILE.gpkg LAYER OUT.gpkg|shp|geojson
"""

import sys
from pathlib import Path

from qgis.core import QgsApplication, QgsCoordinateTransformContext, QgsVectorFileWriter, QgsVectorLayer

DRIVERS = {".gpkg": "GPKG", ".shp": "ESRI Shapefile", ".geojson": "GeoJSON"}

application = QgsApplication([], False)
application.initQgis()
source, name, target = sys.argv[1:]
layer = QgsVectorLayer(f"{source}|layername={name}", name, "ogr")
options = QgsVectorFileWriter.SaveVectorOptions()
options.driverName = DRIVERS[Path(target).suffix]
options.fileEncoding = "UTF-8"
options.layerName = name
writer = getattr(QgsVectorFileWriter, "writeAsVectorFormatV3", QgsVectorFileWriter.writeAsVectorFormatV2)
done = writer(layer, target, QgsCoordinateTransformContext(), options)
if done[0] != QgsVectorFileWriter.NoError:
    sys.exit(f"{target}: {done}")
